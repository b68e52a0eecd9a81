"""A small market with a champion: its sales, reference sets, and a batch valuation."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from assets.champion import champion_version
from assets.landing.reference import ingest_reference
from database.catalogue import ask
from ml import predictions
from ml.on_request import Valuer
from ml.scoring_run import ScoringRun
from ml.tracking import Registry
from tests.dbt_samples import DbtProject, csv

FIRST, SALES, HOMES = date(2017, 1, 2), 260, 90
SUBURBS = (("Abbotsford", "3067", -37.803), ("Kew", "3101", -37.806))


@dataclass(frozen=True)
class Scored:
    """What a batch said of every home."""

    valuations: pd.DataFrame
    refused: pd.DataFrame
    by_method: dict[str, int]
    snapshot_id: str
    model_version: str | None


def score(url: str, registry: Registry, *, write: bool) -> Scored:
    """Value every home part by part, as the asset does."""
    with (
        psycopg.connect(url) as conn,
        psycopg.connect(url) as reader,
        psycopg.connect(url) as lookups,
    ):
        run = ScoringRun(reader, lookups, registry)
        parts = []
        for part in run.partitions():
            parts.append(part)
            if write:
                predictions.write_partition(conn, part, "run")
                conn.commit()
    valued = pd.concat([part.valuations for part in parts], ignore_index=True)
    return Scored(
        valued,
        pd.concat([part.valued.refusals for part in parts], ignore_index=True),
        {str(name): int(n) for name, n in valued["method"].value_counts().items()},
        run.snapshot_id,
        run.scorer.model_version,
    )


@dataclass(frozen=True)
class Market:
    """Sales in the marts, a champion, and every home's batch valuation."""

    url: str
    registry: Registry
    dbt: DbtProject
    scored: Scored

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url)

    def valuer(self) -> Valuer:
        return Valuer(self.registry, ask, champion_version)


def sales() -> list[dict[str, Any]]:
    dice = random.Random(5)
    homes = []
    for number in range(HOMES):
        suburb, postcode, south = SUBURBS[number % 2]
        homes.append(
            {
                "locality": suburb,
                "postcode": postcode,
                "bedrooms": dice.choice([1, 2, 3, 4, None]),
                "land_area_m2": dice.randrange(100, 900) + 0.1,
                "latitude": south + dice.random() / 100,
                "longitude": 145.0 + dice.random() / 100,
            }
            # Some lie where their suburb does.
            | ({"latitude": None, "longitude": None} if number % 9 == 0 else {})
        )
    rows = []
    for number in range(SALES):
        at = dice.randrange(HOMES)
        home = homes[at]
        size = 150_000 * (home["bedrooms"] or 2) + 700 * home["land_area_m2"]
        sold = FIRST + timedelta(days=number)
        price = size * (1.3 if at % 2 else 1) * dice.uniform(0.93, 1.07)
        rows.append(
            csv(
                "sales.csv",
                number + 2,
                f"{at + 1} Studley St",
                sale_date=sold,
                price_aud=round(price, -3),
                **home,
            )
        )
    return rows


CHANGES = {date(2016, 8, 3): 1.5, date(2017, 3, 1): 1.75, date(2017, 9, 1): 2.0}
SCORES = {"3067": 1050.5, "3101": 1090.0}


def land_reference(url: str, folder: Path) -> None:
    """A cash rate that moves among the sales, and the scores of both postcodes."""
    places = {name: folder / f"{name}.csv" for name in ("cash_rate", "seifa")}
    moves = [f"{day:%d %b %Y},{rate}\n" for day, rate in CHANGES.items()]
    scores = [f"{postcode},{score},7\n" for postcode, score in SCORES.items()]
    # Those of 2016 came out the year after, and must change nothing.
    later = folder / "later.csv"
    for place, lines in (
        (places["cash_rate"], ["Effective Date,Cash rate target %\n", *moves]),
        (places["seifa"], ["POA_2011,IRSAD_score,IRSAD_decile\n", *scores]),
        (later, ["POA_2016,IRSAD_score,IRSAD_decile\n", "3067,1,1\n", "3101,1,1\n"]),
    ):
        place.write_text("".join(lines))
    with psycopg.connect(url) as conn:
        for name, place in (*places.items(), ("seifa", later)):
            landed = ingest_reference(
                conn, name, place, landing=folder / "landing", is_simulated=False
            )
            assert landed.loaded > 0
