"""`python -m simulator`: serve the made-up market, or write its files to a folder."""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import track

from simulator.csv_sales import write_csv
from simulator.domain_api.arguments import add_arguments, domain_options
from simulator.domain_api.service import DomainApi
from simulator.faults import Faults
from simulator.lifetime import announce, exit_with_stdin
from simulator.market import Market, MarketSize
from simulator.psi import weekly_name, weekly_zip
from simulator.reaxml import write_drop
from simulator.reference import write_reference
from simulator.server import SiteServer
from simulator.website import Site


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (2 for a bad argument)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        size = MarketSize(
            seed=options.seed,
            homes=options.properties,
            weeks=options.weeks,
            first_week=options.first_week,
        )
        site = Site(
            Market(size), Faults.parse(options.fault), archive=options.archive_years
        )
        domain = DomainApi(site.market, domain_options(options))
    except ValueError as error:
        parser.error(str(error))
    if options.write is not None:
        write_files(site.market, options.write)
        return 0
    if options.write_reference is not None:
        write_reference(site.market, options.write_reference)
        return 0
    if options.reaxml_drop is not None:
        count, every = options.reaxml_files, options.reaxml_every
        write_drop(site.market, options.reaxml_drop, count, every)
        return 0
    try:
        server = SiteServer(site, options.host, options.port, domain=domain)
    except OSError as error:
        parser.error(
            f"cannot listen on {options.host}:{options.port}: {error.strerror}; "
            "--port 0 takes a free one"
        )
    if options.exit_with_stdin:
        exit_with_stdin()
    # What is kept (listings, files) makes no cycles; looking for some among it again
    # and again would cost a search page 50 ms at a time.
    gc.set_threshold(100_000, 50, 100)
    announce(
        {
            "url": server.url,
            "psi_url": f"{server.url}/psi/",
            "csv_url": f"{server.url}/csv/sales.csv.gz",
            "domain_url": f"{server.url}/domain",
            "domain_token_url": f"{server.url}/domain/auth/v1/connect/token",
        },
        options.state_file,
    )
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
    return 0


def write_files(market: Market, folder: Path) -> None:
    """Write every weekly ZIP to `folder/psi` and the CSV to `folder/sales.csv.gz`."""
    weekly = folder / "psi"
    weekly.mkdir(parents=True, exist_ok=True)
    weeks = range(market.size.weeks)
    # A large market takes minutes; the bar shows on a terminal only.
    shown = Console(stderr=True)
    for week in track(
        weeks, "writing weeks", console=shown, disable=not shown.is_terminal
    ):
        name = weekly_name(market.monday(week))
        (weekly / name).write_bytes(weekly_zip(market, week))
    with (folder / "sales.csv.gz").open("wb") as target:
        write_csv(market, target, compress=True)


def _parser() -> argparse.ArgumentParser:
    default = MarketSize()
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--seed", type=int, default=default.seed)
    add("--properties", type=int, default=default.homes, help="homes in the market")
    add("--weeks", type=int, default=default.weeks, help="weeks published")
    add(
        "--first-week",
        type=date.fromisoformat,
        default=default.first_week,
        help="the first Monday, YYYY-MM-DD",
    )
    add(
        "--archive-years",
        action="store_true",
        help="list finished years as yearly ZIPs only, as the real site does",
    )
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="truncate, cut, wrong_z, binary, late, empty_listing, status, slow, "
        "and by share of the requests rate_429=0.1 and others; "
        "see simulator/faults.py and simulator/fault_rates.py",
    )
    add_arguments(parser)
    add("--state-file", type=Path, help="also write the ready line there")
    add("--exit-with-stdin", action="store_true", help="end when stdin ends")
    add("--write", type=Path, metavar="FOLDER", help="write the files and end")
    add(
        "--write-reference",
        type=Path,
        metavar="FOLDER",
        help="write the reference sets in their publishers' formats and end",
    )
    add(
        "--reaxml-drop",
        type=Path,
        metavar="FOLDER",
        help="drop REAXML files of the market's listings there and end",
    )
    add("--reaxml-files", type=int, default=24, help="hours of feeds dropped")
    add(
        "--reaxml-every",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="time between two files; 0 drops all at once",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
