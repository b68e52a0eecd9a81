"""NSW Valuer General property sales information (PSI): fetch, containers, parser.

`listing` and `fetch` bring files here; `names`, `layers` and `containers` find them
inside ZIPs, gzip and folders; `scan` decides whether a file can be trusted; `reading`,
`parse` and `strays` turn it into rows of `raw.nsw_valuer__sales` and rejects. `layout`
is the record layout, `files` what a container holds.
"""

from __future__ import annotations

from typing import Final

from connectors.nsw_valuer.layout import SOURCE
from domain.sources import SourceInfo

INFO: Final = SourceInfo(
    name=SOURCE,
    title="NSW property sales (PSI)",
    publisher="Valuer General of New South Wales",
    url="https://www.valuergeneral.nsw.gov.au/__psi/weekly/",
    licence="Creative Commons Attribution (its text lies in each ZIP); the portal has "
    "been quoted with BY-NC-ND 4.0. A person should check before redistributing.",
    cadence="Weekly, on Mondays; a year's files are gathered in one ZIP after its end.",
    fields="Address, land area, contract and settlement date, price, zone, nature, "
    "primary purpose, strata lot, dealing number, legal description, number of "
    "purchasers and vendors; back to 1990 in the archive format.",
    limits="No rooms, floor area, coordinates or names. Files are given only to those "
    "who come from the listing page; two are fetched at a time.",
    failure="Loaded weeks stay in force. An empty listing is replaced by the known "
    "addresses, a week that is gone by the ZIP of its year; the next run tries again.",
    stale_hours=15 * 24,
    tables=("raw.nsw_valuer__sales",),
    quiet_days=15,
)

__all__ = ["INFO", "SOURCE"]
