"""`ausproperty property`: one property, its history, and why each row is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from domain.address_text import canonical_line
from domain.addresses import CanonicalAddress
from domain.errors import UserError
from domain.market_time import market_date
from orchestration.commands.output import JsonFile, write_json
from settings import Settings

if TYPE_CHECKING:
    import psycopg
    from rich.table import Table

    from database.property_page import PropertyPage, Record

#: Why a name of a source was taken for this property.
_MATCHES = {
    "exact_key": "same canonical address",
    "linked": "linked by likeness",
    "reviewed": "a person said so",
    "parcel": "the valuer's parcel number",
}
_EXCLUSIONS = {
    "not_a_sale": "a bid or a withdrawal",
    "price_missing": "no price",
    "nominal_price": "a token price",
    "partial_interest": "only a share was sold",
    "multi_parcel": "one price for several parcels",
    "contract_date_missing": "no contract date",
    "contract_date_implausible": "an impossible contract date",
    "contract_after_settlement": "contracted after it settled",
    "contract_in_future": "contracted after it was published",
    "settlement_too_late": "settled many years later",
    "not_a_dwelling": "no dwelling",
    "dwelling_type_unknown": "unknown what was sold",
    "address_not_identified": "an address that names no home",
    "excluded_by_analyst": "excluded by a person",
}


def show_property(
    address: Annotated[
        str,
        typer.Argument(
            help='An address in one line, such as "3/12 Smith St, Richmond VIC 3121", '
            "or a property id."
        ),
    ],
    json_file: JsonFile = None,
) -> None:
    """Show a property: its sources, its history, and the file and line of each row."""
    from rich.console import Console

    from assets.warehouse import prepare_warehouse, serving_limits
    from database.connections import connect

    settings = Settings()
    url = prepare_warehouse(settings)
    with connect(url, limits=serving_limits(settings)) as conn:
        read, page = look_up(conn, address)
    write_json(json_file, asdict(page))
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=200)
    for part in page_parts(read, page):
        console.print(part)


def look_up(
    conn: psycopg.Connection, text: str
) -> tuple[CanonicalAddress | None, PropertyPage]:
    """How the text was read (None: it was an id) and the page of its property.

    Raises:
        UserError: no property is found; names the most similar addresses.
    """
    from database.property_page import property_page, similar_addresses

    read = None
    try:
        property_id = UUID(text.strip())
    except ValueError:
        read = canonical_line(text)
        property_id = read.property_id
    page = property_page(conn, property_id)
    if page is not None:
        return read, page
    found = []
    if read is not None:
        found = similar_addresses(
            conn,
            suburb=read.locality,
            street_name=read.street_name,
            street_number=read.street_number,
        )
    known = "; ".join(f'"{row["address"]}"' for row in found)
    how = ""
    if read is not None:
        how = f" It was read as {read.address!r}"
        if read.key_kind != "address":
            how += ", which names no home: give number, street, suburb and state"
        how += "."
    raise UserError(
        f"No property is known as {text!r}.{how}"
        + (f" Similar addresses are {known}." if known else "")
    )


def page_parts(read: CanonicalAddress | None, page: PropertyPage) -> Iterator[Any]:
    """The page from top to bottom, as things rich can print."""
    home = page.property
    yield f"[bold]{home['address']}[/bold]"
    facts = [
        home["property_id"],
        home["dwelling_type"],
        f"suburb {home['suburb_key']}",
        f"G-NAF {home['gnaf_pid']}" if home.get("gnaf_pid") else None,
        f"parcel {home['parcel_key']}" if home.get("parcel_key") else None,
        "simulated" if home["is_simulated"] else None,
    ]
    yield "  ".join(str(fact) for fact in facts if fact)
    if home.get("property_key"):
        yield f"key {home['property_key']}"
    if read is not None and read.assumptions:
        yield f"read with the assumptions {_words(read.assumptions)}"
    if home.get("deleted_at"):
        yield f"[bold red]gone since {home['deleted_at']:%Y-%m-%d}[/bold red]"
    if page.prediction:
        estimate = page.prediction
        yield (
            f"valued at {_money(estimate['estimate_aud'])} "
            f"({_money(estimate['low_aud'])} to {_money(estimate['high_aud'])}) "
            f"on {estimate['valuation_date']} by {estimate['method']}"
            f"{_sureness(estimate)}"
        )
    elif page.refusal:
        refused = page.refusal
        yield (
            f"not valued since {refused['since']:%Y-%m-%d}: {refused['detail']} "
            f"({refused['reason']})"
        )
    for title, table in _tables(page):
        yield ""
        yield f"[bold]{title}[/bold]"
        yield table


def _sureness(estimate: Record) -> str:
    """How sure an estimate is, and what warns of it; empty where nobody knew yet."""
    if estimate["confidence_class"] is None:
        return ""
    warnings = [
        text
        for column, text in (
            ("extrapolation", "unlike the homes learnt from"),
            ("thin_data", "few local sales"),
        )
        if estimate[column]
    ]
    sure = f"class {estimate['confidence_class']}, FSD {estimate['fsd']:.0%}"
    return ", " + ", ".join([sure, *warnings])


def _tables(page: PropertyPage) -> Iterator[tuple[str, Table]]:
    parts: tuple[tuple[str, Iterable[Record]], ...] = (
        ("Attributes", _attributes(page.property)),
        ("Sources", map(_source, page.sources)),
        ("Merged into it", map(_merged, page.merged)),
        ("Waiting for a decision", map(_review, page.reviews)),
        ("Price history", map(_price, page.prices)),
        ("Sales without a price or a day", map(_sale, page.other_sales)),
        ("Other versions of its sales", map(_superseded, page.superseded)),
        ("Listings", map(_listing, page.listings)),
        ("Events of its listings", map(_event, page.events)),
    )
    for title, rows in parts:
        shown = list(rows)
        if shown:
            yield f"{title} ({len(shown)})", _table(shown)


def _attributes(home: Record) -> Iterator[Record]:
    from database.property_page import ATTRIBUTES

    for name in ATTRIBUTES:
        if home.get(name) is not None:
            yield {
                "attribute": name.replace("_", " "),
                "value": home[name],
                "source": home.get(f"{name}_source"),
                "as of": home.get(f"{name}_date"),
            }


def _source(row: Record) -> Record:
    why = _MATCHES.get(row["match_kind"], str(row["match_kind"]))
    if row.get("match_score") is not None:
        why += f" ({row['match_score']:.3f})"
    if row.get("assumptions"):
        why += f", assuming {_words(row['assumptions'])}"
    return {
        "source": row["source"],
        "its id": row["source_property_id"],
        "address as received": row["address_received"],
        "first seen": row["first_seen_on"],
        "last seen": row["last_seen_on"],
        "records": row["record_count"],
        "confidence": f"{row['confidence']:.2f}",
        "why it is this home": why,
    }


def _merged(row: Record) -> Record:
    return {
        "address": row["address"],
        "property id": row["from_property_id"],
        "sources": ", ".join(row["sources"] or ()),
        "score": f"{row['score']:.3f}" if row["score"] is not None else "",
        "since": f"{row['changed_at']:%Y-%m-%d}",
        "why": _evidence(row),
    }


def _evidence(row: Record) -> str:
    found = row["evidence"] or {}
    said = found.get("why") or found.get("reason")
    return str(said) if said else _MATCHES.get(row["reason"], str(row["reason"]))


def _review(row: Record) -> Record:
    return {
        "review": row["review_id"],
        "one": row["low_address"],
        "other": row["high_address"],
        "score": f"{row['score']:.3f}" if row["score"] is not None else "",
        "why": row["why"],
    }


def _price(row: Record) -> Record:
    return {
        "date": row["event_date"],
        "event": row["event_kind"].replace("_", " "),
        "price": _price_words(row),
        "counts as a sale": _verdict(row),
        "known": _day(row["known_at"]),
        **_origin(row),
    }


def _price_words(row: Record) -> str:
    if row["price_aud"] is not None:
        return _money(row["price_aud"])
    low, high = row["price_low_aud"], row["price_high_aud"]
    if low is not None and high is not None:
        return f"{_money(low)} to {_money(high)}"
    if low is not None:
        return f"from {_money(low)}"
    return f"up to {_money(high)}" if high is not None else ""


def _verdict(row: Record) -> str:
    by = ""
    if row.get("override_verdict"):
        by = f" (decided by {row['override_actor']}: {row['override_reason']})"
    if row["is_market_sale"]:
        return f"yes{by}"
    reasons = row.get("exclusion_reasons") or ()
    if not reasons:
        return "" if row["event_kind"] in ("asking", "guide", "bid") else f"no{by}"
    return "no: " + ", ".join(_EXCLUSIONS.get(r, r) for r in reasons) + by


def _sale(row: Record) -> Record:
    return {
        "contract": row["contract_date"],
        "price": _money(row["price_aud"]) if row["price_aud"] is not None else "",
        "why it is in no history": ", ".join(
            _EXCLUSIONS.get(r, r) for r in row["exclusion_reasons"]
        ),
        **_origin(row),
    }


def _superseded(row: Record) -> Record:
    return {
        "contract": row["contract_date"],
        "price": _money(row["price_aud"]) if row["price_aud"] is not None else "",
        "version": f"{row['version_number']} of {row['version_count']}",
        "held true from": _day(row["known_from"]),
        "to": _day(row["known_to"]),
        **_origin(row),
    }


def _listing(row: Record) -> Record:
    return {
        "listing": row["source_listing_id"],
        "type": row["listing_type"],
        "status": row["status"],
        "price text": row["price_text"] or "",
        "listed": _day(row["listed_at"]),
        "last seen": _day(row["last_seen_at"]),
        "days on market": row.get("days_on_market"),
        **_origin(row),
    }


def _event(row: Record) -> Record:
    return {
        "when": _day(row["event_at"]),
        "event": row["event_type"].replace("_", " "),
        "listing": row["listing_id"],
        **_origin(row),
    }


def _origin(row: Record) -> dict[str, Any]:
    return {
        "source": row["source"],
        "file and line": f"{row['source_file']}:{row['source_row_number']}",
    }


def _day(instant: Any) -> str:
    """Local day: what was published on a Monday says Monday."""
    return f"{market_date(instant):%Y-%m-%d}" if instant is not None else ""


def _money(amount: int) -> str:
    return f"${amount:,.0f}"


def _words(assumptions: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in assumptions)


def _table(rows: list[Mapping[str, Any]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    # A column that says nothing of anybody takes room from those that do.
    names = [n for n in rows[0] if any(row[n] not in (None, "") for row in rows)]
    for name in names:
        is_number = name in ("price", "records", "confidence", "days on market")
        table.add_column(
            name,
            justify="right" if is_number else "left",
            overflow="fold",
            header_style="dim",
        )
    for row in rows:
        table.add_row(*(escape("" if row[n] is None else str(row[n])) for n in names))
    return table
