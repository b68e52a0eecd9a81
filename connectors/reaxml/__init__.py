"""REAXML listing feeds: files that agencies' software drops, record by record a patch.

`decoding` and `expat` make strangers' bytes safe XML, `listings` finds the records,
`patches` and `values` read them, `parse` makes rows and rejects, `containers` judges
whole files, `salvage` quarantines the records of refused ones, `drop` keeps the folder.
"""

from __future__ import annotations

from connectors.reaxml.containers import ReaxmlContainer, ReaxmlFile
from connectors.reaxml.parse import ROW_COLUMNS
from connectors.reaxml.vocabulary import SOURCE
from domain.sources import SourceInfo

INFO = SourceInfo(
    name=SOURCE,
    title="REAXML listing feeds",
    publisher="Agencies, through their listing software (format: REA Group)",
    url=None,
    licence="By agreement with each agency; not open data.",
    cadence="As agencies save a listing: minutes to hours.",
    fields=(
        "Listings for sale and to let of eight kinds: status, price and how it may be "
        "shown, address, rooms, areas, features, agents, images, sale result."
    ),
    limits="1 GiB a file, 4 MiB a listing; withheld prices are stored, never served.",
    failure=(
        "Files stay in the drop folder until they are read; a refused one moves to "
        "failed/ with a report."
    ),
    stale_hours=None,
    tables=("raw.reaxml__listings",),
    quiet_days=7,
)

__all__ = ["INFO", "ROW_COLUMNS", "SOURCE", "ReaxmlContainer", "ReaxmlFile"]
