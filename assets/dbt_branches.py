"""Which dbt models are built together, of what, and when again.

Belongs here: the branches as data, what names their inputs, and notes of changes that a
branch without rows need not keep. Building them is `dbt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from assets.builds import (
    FEATURES_BUILD,
    LISTINGS_BUILD,
    MARKET_BUILD,
    SALES_BUILD,
    build_of,
    changes_fingerprint,
    digest,
    landing_fingerprint,
)
from assets.manifest import project_fingerprint

#: Ledger sources of the reference sets.
REFERENCE_SOURCES = (
    "localities",
    "gnaf",
    "nsw_land_values",
    "seifa",
    "cash_rate",
    "price_index",
    "vic_suburb_medians",
    "nsw_suburb_medians",
)
#: Those that features look up.
_FEATURE_SOURCES = ("nsw_land_values", "seifa", "cash_rate")


@dataclass(frozen=True)
class Branch:
    """Models that are built together: a step of the graph, after its own sources.

    What it is built from, so that it is built again when that changed: `sources` of the
    ledger, tables of others whose changes are noted (`noted`), and builds before it
    (`after`). A branch that `waits` has nothing to build from before one of its sources
    has landed something. One of `own_rows` has no row that is not of its sources: until
    then changes of other tables are none of its affair. Of steps that could start, that
    of higher `priority` does.
    """

    name: str
    sources: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    select: str = "fqn:*"
    exclude: str = ""
    waits: bool = False
    own_rows: bool = False
    priority: int = 0


_IDENTITY = (
    "intermediate.int_address__identity",
    "intermediate.int_property__redirects",
)
_SALES = ("nsw_valuer", "csv")
_LISTINGS = ("domain", "reaxml")
#: Tags of branches; models without any of them are the sales branch's.
TAGS = ("listings", "reference", "listing_marts", "market", "features")

BRANCHES = (
    # Built though nothing may ever land: the market reads what they make.
    Branch("dbt_listings", _LISTINGS, select="tag:listings"),
    Branch(
        "dbt_reference",
        REFERENCE_SOURCES,
        select="tag:reference",
        exclude="tag:features",
        waits=True,
    ),
    Branch(
        LISTINGS_BUILD,
        _LISTINGS,
        (*_IDENTITY, "intermediate.int_price_text__parsed", "ops.domain_listings"),
        select="tag:listing_marts",
        own_rows=True,
    ),
    Branch(
        SALES_BUILD,
        _SALES,
        (*_IDENTITY, "ops.sale_overrides"),
        after=(LISTINGS_BUILD,),
        exclude=" ".join(f"tag:{tag}" for tag in TAGS),
        # After the listings where they can be had, without waiting for them.
        priority=-5,
    ),
    Branch(
        MARKET_BUILD,
        after=(SALES_BUILD, LISTINGS_BUILD),
        select="tag:market",
        priority=-5,
    ),
    Branch(
        FEATURES_BUILD,
        # Reference sets that are away, or never came, hold up no features.
        _FEATURE_SOURCES,
        after=(SALES_BUILD,),
        select="tag:features",
        priority=-5,
    ),
)


def build_fingerprint(conn: psycopg.Connection, branch: Branch) -> str:
    """What the models are built from: files landed, tables noted, builds, the SQL."""
    noted = branch.noted
    if branch.own_rows and not has_landed(conn, branch):
        noted = ()
    return digest(
        branch.name,
        landing_fingerprint(conn, *branch.sources),
        changes_fingerprint(conn, *noted),
        *(build_of(conn, name) for name in branch.after),
        project_fingerprint(),
    )


def drop_idle_notes(
    conn: psycopg.Connection, branch: Branch, manifest: Mapping[str, Any]
) -> None:
    """Forget what a branch was told while it can have no rows: else it piles up.

    Whoever sees a note of what has landed sees the landing, so none of those is lost.
    """
    if not branch.own_rows:
        return
    tag = branch.select.removeprefix("tag:")
    models = [
        node["alias"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and tag in node["tags"]
    ]
    conn.execute(
        "delete from ops.model_changes where model = any(%s) and not exists("
        "select from ops.source_files where source = any(%s))",
        [models, list(branch.sources)],
    )


def has_landed(conn: psycopg.Connection, branch: Branch) -> bool:
    """Whether anything of the branch's own sources ever came in."""
    row = conn.execute(
        "select exists(select from ops.source_files where source = any(%s))",
        [list(branch.sources)],
    ).fetchone()
    return bool(row and row[0])
