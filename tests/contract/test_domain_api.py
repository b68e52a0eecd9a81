"""Our field lists against Domain's published schema, and records made from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.domain_api.datasets import DATASETS
from connectors.domain_api.fields import SEEN_SALES_RESULT_FIELDS
from connectors.domain_api.parse import BodyReader
from connectors.domain_api.slicing import DIMENSIONS, Shown, ordered, split

SEARCH = "Domain.SearchService.v2.Model.DomainSearchContractsV2SearchResult"
ROOTS = {
    "listings": SEARCH,
    "listing_details": "Listings.V1.Listing",
    "properties": "Property.Enrichment.v2.Property",
    "sales_results": "AuctionResults.v1.listingEventItem",
    "sales_summaries": "AuctionResults.v1.summaryResponse",
    "suburb_performance": "SuburbPerformance",
}
PARAMETERS = "Domain.SearchService.v2.Model.DomainSearchWebApiV2ModelsSearchParameters"


@pytest.fixture(scope="module")
def schema(shared_data: Path) -> dict[str, Any]:
    path = shared_data / "domain_api_schema" / "domain_api_fields.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


class Walk:
    """Resolves the schema's shorthand."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self.schemas = schemas

    def resolve(self, node: Any) -> Any:
        while "ref" in node:
            node = self.schemas[node["ref"]]
        return node

    def fields(self, node: Any) -> dict[str, Any]:
        node = self.resolve(node)
        found = node.get("fields") or node.get("object")
        return found if isinstance(found, dict) else {}

    def paths(self, node: Any, prefix: str = "") -> Iterator[str]:
        for name, inner in self.fields(node).items():
            yield f"{prefix}{name}"
            inner = self.resolve(inner)
            if "array" in inner:
                yield from self.paths(inner["array"], f"{prefix}{name}[].")
            else:
                yield from self.paths(inner, f"{prefix}{name}.")

    def example(self, node: Any) -> Any:
        """A value with every field of a node."""
        node = self.resolve(node)
        if "array" in node:
            return [self.example(node["array"])]
        if "enum" in node:
            return next(word for word in node["enum"] if word is not None)
        fields = self.fields(node)
        if fields:
            return {name: self.example(inner) for name, inner in fields.items()}
        kind = node.get("type", "")
        if kind.startswith("string:date"):
            return "2024-06-17T10:00:00"
        return {"integer": 3, "number": 3.0, "boolean": True, "object": {}}.get(
            kind.partition(":")[0], "text"
        )


@pytest.mark.parametrize("dataset", ROOTS)
def test_known_fields_are_those_of_the_published_schema(
    schema: dict[str, Any], dataset: str
) -> None:
    published = set(Walk(schema["schemas"]).paths({"ref": ROOTS[dataset]}))
    ours = set(DATASETS[dataset].known)
    if dataset == "sales_results":
        ours -= SEEN_SALES_RESULT_FIELDS
    assert ours == published


@pytest.mark.parametrize("dataset", ROOTS)
def test_columns_and_required_fields_exist_in_the_schema(
    schema: dict[str, Any], dataset: str
) -> None:
    known = DATASETS[dataset].known
    below = {
        "listings": "listing.",
        "suburb_performance": "series.seriesInfo[].",
    }.get(dataset, "")
    for column in DATASETS[dataset].columns:
        if column.path[0] != "@":
            assert below + ".".join(column.path) in known, column
    assert DATASETS[dataset].required <= known


@pytest.mark.parametrize("dataset", ROOTS)
def test_a_record_with_every_published_field_is_read(
    schema: dict[str, Any], dataset: str
) -> None:
    """Types of the schema fit the types of the columns."""
    record = Walk(schema["schemas"]).example({"ref": ROOTS[dataset]})
    text = json.dumps(record).replace('"postcode": "text"', '"postcode": "2000"')
    text = text.replace('"state": "ACT"', '"state": "NSW"')
    text = text.replace('"state": "text"', '"state": "nsw"')
    text = text.replace('itude": 3.0', 'itude": 0').replace('"lat": 3.0', '"lat": 0')
    text = text.replace('"lon": 3.0', '"lon": 0')
    around = {
        "city": "Sydney",
        "auctioned_on": "2024-06-15",
        "state": "NSW",
        "suburb": "Manly",
        "postcode": "2095",
        "propertyCategory": "House",
        "periodSize": "quarters",
    }
    reader = BodyReader(DATASETS[dataset], "body", around, "2024-06-17T00:00:00+00:00")
    parsed = reader.read([(2, text)])
    assert parsed.batch.rejects == []
    # The search example holds a listing and a project's listing.
    assert len(parsed.batch.rows) == (2 if dataset == "listings" else 1)
    assert parsed.fields is not None
    assert not parsed.fields.unknown
    assert not parsed.fields.missing


def test_queries_use_words_the_api_knows(schema: dict[str, Any]) -> None:
    walk = Walk(schema["schemas"])
    known = walk.fields({"ref": PARAMETERS})
    sorts = walk.fields(known["sort"])
    query = ordered({"listingType": "Sale"})
    assert query["sort"]["sortKey"] in sorts["sortKey"]["enum"]
    assert query["sort"]["direction"] in sorts["direction"]["enum"]
    day = datetime(2024, 6, 17)  # noqa: DTZ001 - the API writes local times
    shown = Shown([day], frozenset({"NSW"}), is_counted=True)
    for dimension in DIMENSIONS:
        found, _ = split(query, (dimension,), shown)
        assert found is not None
        for part in found.queries:
            assert set(part) <= set(known), part
            states = walk.fields(known["locations"]["array"])["state"]["enum"]
            for place in part.get("locations", []):
                assert place["state"] in states
