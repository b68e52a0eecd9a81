"""The sources a command names: their run configuration and their assets.

Belongs here: `--nsw-psi` and its like, and the remote parties that stand for them on
the made-up market. What the daemon's runs read comes from the settings instead.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets import keys
from assets.raw_reference import ASSETS as REFERENCE_SETS
from assets.raw_reference import key_of
from connectors.resilience.secrets import redact
from domain.errors import UserError
from orchestration.children import child
from settings import ROOT, Settings

#: Hours of agencies' feeds that a made-up market drops.
_FEED_FILES = 24


@dataclass(frozen=True)
class NamedSources:
    """Where a run reads each source from; None (or no entry): not named.

    `reference` maps a set to its location; `release_date` and `accept` are for its
    releases. `domain` is read as the settings say.
    """

    nsw_psi: str | None = None
    csv: str | None = None
    mapping: str = "melbourne"
    reaxml: str | None = None
    domain: bool = False
    reference: Mapping[str, str] = field(default_factory=dict)
    release_date: str | None = None
    accept: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.nsw_psi or self.csv or self.reaxml or self.domain or self.reference
        )

    def run_config(self) -> dict[str, Any]:
        """Configuration of the landing assets."""
        places: dict[dg.AssetKey, dict[str, Any]] = {
            keys.RAW_NSW_SALES: {"location": self.nsw_psi, "every_file": True},
            keys.RAW_CSV_SALES: {"location": self.csv, "mapping": self.mapping},
            keys.RAW_REAXML_LISTINGS: {"drop_folder": self.reaxml},
        }
        for name, location in self.reference.items():
            places[key_of(name)] = {
                "location": location,
                "release_date": self.release_date,
                "accept": self.accept,
            }
        for key, config in places.items():
            for field_name in ("location", "drop_folder"):
                if config.get(field_name) is not None:
                    config[field_name] = _unsaid(config[field_name], key)
        return {
            "ops": {
                "__".join(key.path): {"config": config}
                for key, config in places.items()
            }
        }

    def asset_keys(self) -> list[dg.AssetKey]:
        """Landing assets of what is named, and the count of what they refused."""
        named: list[tuple[bool, tuple[dg.AssetKey, ...]]] = [
            (self.nsw_psi is not None, (keys.RAW_NSW_SALES,)),
            (self.csv is not None, (keys.RAW_CSV_SALES,)),
            (self.reaxml is not None, (keys.RAW_REAXML_LISTINGS,)),
            (
                self.domain,
                (
                    keys.RAW_DOMAIN_LISTINGS,
                    keys.RAW_DOMAIN_LISTING_DETAILS,
                    keys.RAW_DOMAIN_PROPERTIES,
                    keys.RAW_DOMAIN_SALES_RESULTS,
                    keys.RAW_DOMAIN_SALES_SUMMARIES,
                    keys.RAW_DOMAIN_SUBURB_PERFORMANCE,
                ),
            ),
            (True, tuple(key_of(name) for name in self.reference)),
        ]
        chosen = [key for is_named, those in named if is_named for key in those]
        return [*chosen, keys.RAW_REJECTS]


def _unsaid(location: str, key: dg.AssetKey) -> str | dict[str, str]:
    """A location for a run's configuration, which Dagster stores and shows.

    One with a password or a signed query goes by the environment of this process.
    """
    if redact(location) == location:
        return location
    variable = f"AUSPROPERTY_RUN__{'__'.join(key.path).upper()}"
    os.environ[variable] = location
    return {"env": variable}


def parse_reference(named: list[str]) -> dict[str, str]:
    """`NAME=LOCATION` options as locations by set.

    Raises:
        UserError: a word of another form, or an unknown set.
    """
    found: dict[str, str] = {}
    for word in named:
        name, equals, location = word.partition("=")
        if not equals or not location or name not in REFERENCE_SETS:
            raise UserError(
                f"--reference {word}: give NAME=LOCATION, where NAME is one of "
                f"{', '.join(REFERENCE_SETS)}."
            )
        found[name] = location
    return found


def made_up_sources(
    settings: Settings,
    stack: contextlib.ExitStack,
    sizes: Mapping[str, int | None],
    *,
    every_source: bool,
) -> NamedSources:
    """Start the simulator as the remote parties of a made-up market.

    With `every_source` it also answers as the Domain API, agencies drop their feeds,
    and the reference sets are written; else sales files alone.
    """
    arguments = [
        f"--{name}={value}" for name, value in sizes.items() if value is not None
    ]
    folder = settings.market_folder
    if every_source:
        _write_files(arguments, folder)
    log = folder / "simulator.log"
    site = stack.enter_context(child("simulator", ["--port=0", *arguments], log))
    psi, csv = f"{site.url}/psi/", f"{site.url}/csv/sales.csv.gz"
    if not every_source:
        return NamedSources(nsw_psi=psi, csv=csv)
    _point_domain_at(f"{site.url}/domain")
    return NamedSources(
        nsw_psi=psi,
        csv=csv,
        reaxml=str(folder / "drop"),
        domain=True,
        reference={name: str(folder / "reference" / name) for name in REFERENCE_SETS},
    )


def _write_files(arguments: list[str], folder: Path) -> None:
    """What remote parties bring as files: agencies' feeds and reference sets."""
    # They are whole when the simulator ends: no need to wait and see.
    os.environ["AUSPROPERTY_REAXML__SETTLE_SECONDS"] = "0"
    _simulate(*arguments, f"--write-reference={folder / 'reference'}")
    drop, partial = folder / "drop", folder / "drop.partial"
    if not drop.exists():  # else an earlier run dropped them, and has read them
        shutil.rmtree(partial, ignore_errors=True)
        files = f"--reaxml-files={_FEED_FILES}"
        _simulate(*arguments, f"--reaxml-drop={partial}", files)
        partial.rename(drop)


def _simulate(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


def _point_domain_at(url: str) -> None:
    """Have the settings of this process mean the simulated API.

    Everything is read, so that a small market shows every kind of answer.
    """
    wanted = {
        "BASE_URL": url,
        "TOKEN_URL": f"{url}/auth/v1/connect/token",
        # The simulator's own defaults: made up, and worth nothing elsewhere.
        "CLIENT_ID": "client_simulated_0000",
        "CLIENT_SECRET": "secret_simulated_0000",
        "SEARCHES": json.dumps([{"listingType": "Sale"}, {"listingType": "Sold"}]),
        "CITIES": json.dumps(["Sydney", "Melbourne"]),
        "WITH_DETAILS": "true",
    }
    for name, value in wanted.items():
        os.environ[f"AUSPROPERTY_DOMAIN__{name}"] = value
