"""Landed bodies to rows and rejects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.domain_api.bodies import Body, BodyContainer, read_body, write_body
from connectors.domain_api.datasets import DATASETS, LISTINGS
from connectors.domain_api.parse import BodyReader, Parsed, content_hash
from domain.errors import PermanentError

SEEN = "2024-06-17T00:00:00+00:00"
LISTING: dict[str, Any] = {
    "id": 2019184756,
    "listingType": "Sale",
    "dateListed": "2024-06-17T10:00:00",
    "priceDetails": {"displayPrice": "$1.2M; or offer"},
    "propertyDetails": {
        "state": "NSW",
        "suburb": "MANLY",
        "postcode": "2095",
        "propertyType": "House",
        "bedrooms": 3.0,
        "latitude": -33.8,
        "longitude": 151.28,
    },
}


def changed(**details: Any) -> dict[str, Any]:
    return {**LISTING, "propertyDetails": {**LISTING["propertyDetails"], **details}}


def item(listing: object) -> dict[str, Any]:
    return {"type": "PropertyListing", "listing": listing}


def read(*items: object, dataset: str = "listings", around: Any = None) -> Parsed:
    reader = BodyReader(DATASETS[dataset], "body", around or {}, SEEN)
    lines = [(number, json.dumps(value)) for number, value in enumerate(items, 2)]
    return reader.read(lines)


def columns(parsed: Parsed, place: int = 0) -> dict[str, str]:
    cells = parsed.batch.rows[place].replace("\\;", "\0").split(";")
    values = [cell.replace("\0", ";") for cell in cells]
    return dict(zip(LISTINGS.target.columns, values, strict=True))


def test_a_listing_becomes_a_row() -> None:
    row = columns(read(item(LISTING)))
    assert row["listing_id"] == "2019184756"
    assert row["price_text"] == "$1.2M; or offer"
    assert row["postcode"] == "2095"
    # Sydney winter time, ten hours ahead.
    assert row["listed_at"] == "2024-06-17T00:00:00+00:00"
    assert row["sold_price_aud"] == ""
    assert json.loads(row["payload"]) == LISTING
    assert row["_row_number"] == "2"


def test_listings_of_a_project_are_listings() -> None:
    project = {
        "type": "Project",
        "project": {"id": 44, "name": "The Pines"},
        "listings": [LISTING, {**LISTING, "id": 5}],
    }
    parsed = read(project)
    assert [columns(parsed, n)["listing_id"] for n in (0, 1)] == ["2019184756", "5"]
    assert columns(parsed)["parent_project_id"] == "44"
    assert columns(parsed)["project_name"] == "The Pines"
    assert [sighting.key for sighting in parsed.sightings] == [2019184756, 5]
    # A project that lists nothing yet is no fault.
    empty = read({"type": "Project", "project": {"id": 44}})
    assert empty.batch.rows == empty.batch.rejects == []


@pytest.mark.parametrize(
    ("listing", "pointer", "rule"),
    [
        ({**LISTING, "id": None}, "/listing/id", "field_missing"),
        ({**LISTING, "id": "abc"}, "/listing/id", "wrong_type"),
        ({**LISTING, "id": 1 << 70}, "/listing/id", "number_out_of_range"),
        (
            changed(bedrooms="many"),
            "/listing/propertyDetails/bedrooms",
            "wrong_type",
        ),
        (
            changed(postcode="20955"),
            "/listing/propertyDetails/postcode",
            "postcode_unreadable",
        ),
        (
            changed(postcode="3095"),
            "/listing/propertyDetails/postcode",
            "postcode_not_of_state",
        ),
        (changed(state="NZ"), "/listing/propertyDetails/state", "state_unknown"),
        (
            changed(latitude=51.5, longitude=-0.1),
            "/listing/propertyDetails/latitude",
            "coordinates_outside",
        ),
        (
            {**LISTING, "dateListed": "yesterday"},
            "/listing/dateListed",
            "time_unreadable",
        ),
        ([1], "/listing", "record_missing"),
    ],
)
def test_a_bad_listing_is_refused_by_pointer_and_rule(
    listing: object, pointer: str, rule: str
) -> None:
    parsed = read(item(listing), item(LISTING))
    (reject,) = parsed.batch.rejects
    assert (reject.field, reject.rule_id, reject.row_number) == (pointer, rule, 2)
    assert reject.reason.endswith(".")
    assert reject.original is not None
    assert json.loads(reject.original.text) == listing
    assert len(parsed.batch.rows) == 1
    assert parsed.batch.read == 2


def test_a_refused_listing_was_still_seen() -> None:
    """Or it would count as gone from its search."""
    parsed = read(item(changed(state="NZ")))
    assert [(s.key, s.row_hash) for s in parsed.sightings] == [(2019184756, None)]


def test_no_coordinates_and_border_towns_are_no_faults() -> None:
    assert not read(item(changed(latitude=0, longitude=0))).batch.rejects
    border = changed(postcode="2620", state="ACT", latitude=None)
    assert not read(item(border)).batch.rejects


def test_a_postcode_sent_as_a_number_gets_its_zero_back() -> None:
    parsed = read(item(changed(postcode=800, state="NT", latitude=None)))
    assert columns(parsed)["postcode"] == "0800"


def test_noise_does_not_make_a_new_version() -> None:
    one = {**LISTING, "media": [{"url": "https://img.example/1.jpg?w=800&sig=abc"}]}
    other = {
        "media": [{"url": "https://img.example/1.jpg?w=400&sig=xyz"}],
        **{key: LISTING[key] for key in reversed(LISTING)},
        "headline": None,
    }
    other["propertyDetails"] = {
        **LISTING["propertyDetails"],
        "bedrooms": 3,
        "topSpotKeywords": ["manly"],
    }
    assert content_hash(one, {}) == content_hash(other, {})
    dearer = {**one, "priceDetails": {"displayPrice": "$1.3M"}}
    assert content_hash(one, {}) != content_hash(dearer, {})


def test_new_and_missing_keys_are_noticed() -> None:
    listing = {**LISTING, "energyStars": 5, "priceDetails": {}}
    fields = read(item(listing)).fields
    assert fields is not None
    assert fields.dataset == "listings"
    assert fields.unknown == {"listing.energyStars"}
    assert fields.missing == {"listing.priceDetails.displayPrice"}


def test_what_postgresql_cannot_hold_is_made_visible_or_refused() -> None:
    parsed = read(item({**LISTING, "headline": "a\x00b \ud800"}))
    assert "\x00" not in parsed.batch.rows[0]
    assert "\\u0000" not in parsed.batch.rows[0]
    parsed.batch.rows[0].encode()
    reader = BodyReader(LISTINGS, "body", {}, SEEN)
    huge = json.dumps(item({**LISTING, "extra": 1})).replace(
        '"extra": 1', '"extra": 1e999'
    )
    assert reader.read([(2, huge)]).batch.rejects[0].rule_id == "number_out_of_range"


def test_suburb_performance_is_a_row_a_period() -> None:
    series = {
        "header": {"suburb": "Manly", "state": "NSW", "propertyCategory": "House"},
        "series": {
            "seriesInfo": [
                {"year": 2024, "month": 3, "values": {"medianSoldPrice": 1}},
                {"year": 2024, "month": 6, "values": {"medianSoldPrice": 2}},
                {"year": 2024, "values": {}},
            ]
        },
    }
    around = {
        "state": "NSW",
        "suburb": "Manly",
        "postcode": "2095",
        "propertyCategory": "House",
        "periodSize": "quarters",
    }
    parsed = read(series, dataset="suburb_performance", around=around)
    assert len(parsed.batch.rows) == 2
    assert [reject.field for reject in parsed.batch.rejects] == [
        "/series/seriesInfo/2/month"
    ]


def test_a_body_is_read_back_and_a_cut_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "listings" / "0.jsonl.gz"
    body = Body(
        "listings", {"q": 1}, [item(LISTING)], datetime(2024, 6, 17, tzinfo=UTC)
    )
    write_body(path, body)
    assert read_body(path) == body
    container = BodyContainer("listings/0.jsonl.gz", path)
    assert container.target.table == "raw.domain__listings"
    assert len(container.read.parsed.batch.rows) == 1
    assert list(tmp_path.rglob(".*")) == []

    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(PermanentError, match="fetches it again"):
        read_body(path)
    refused = BodyContainer("listings/0.jsonl.gz", path).read
    assert refused.refusal is not None
    assert refused.refusal.rule_id == "file_damaged"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(["2024-06-17T10:00:00", "-33", "2095", "NSW", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                sorted({part for name in LISTINGS.known for part in name.split(".")})
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("dataset", sorted(DATASETS))
@settings(max_examples=40)
@given(value=JSON)
def test_any_json_is_rows_or_rejects(value: object, dataset: str) -> None:
    parsed = read(value, item(value), {"listings": [value]}, dataset=dataset)
    for row, digest in zip(parsed.batch.rows, parsed.batch.hashes, strict=True):
        assert "\n" not in row
        assert len(digest) == 32
        row.encode()
    for reject in parsed.batch.rejects:
        assert reject.row_number is not None
        reject.reason.encode()
    assert len(parsed.batch.rejects) == parsed.batch.rejected


@settings(max_examples=40)
@given(text=st.text(max_size=40))
def test_any_line_is_rows_or_a_reject(text: str) -> None:
    parsed = BodyReader(LISTINGS, "body", {}, SEEN).read([(2, text)])
    assert parsed.batch.read == len(parsed.batch.rows) + parsed.batch.rejected
