"""`ausproperty property`: a home's page, back to file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.homes import Home

_SOLD_TWICE = """
select property.property_id::text, property.address, property.state,
    property.postcode, count(*)
from marts.properties as property
inner join marts.price_history as history using (property_id)
where property.deleted_at is null and property.key_kind = 'address'
group by 1, 2, 3, 4 having count(*) > 1
order by 2 limit 1
"""
_OUTCOMES = """
select
    (select count(*) from raw.nsw_valuer__sales)
    + (select count(*) from raw.csv__sales),
    (select sum(row_count) from marts.sale_outcomes),
    (select sum(row_count) from marts.sale_outcomes
     where outcome in ('market_sale', 'excluded')),
    (select count(*) from marts.sales)
"""


def test_a_property_shows_its_history_back_to_file_and_line(
    new_home: Callable[..., Home], waiting_home: Path, tmp_path: Path
) -> None:
    home = new_home(source=waiting_home, environment="production")
    with home.connect("real") as conn:
        found = conn.execute(_SOLD_TWICE).fetchone()
        assert found is not None
        property_id, address, state, postcode, price_count = found
        rows = conn.execute(
            "select event_date::text, price_aud, source_file, source_row_number "
            "from marts.price_history where property_id = %s order by event_date",
            [property_id],
        ).fetchall()
        raw, outcomes, in_sales, sales = conn.execute(_OUTCOMES).fetchone() or (0,) * 4
    # Every raw row has one outcome, and what the marts should hold they hold.
    assert raw == outcomes > 0
    assert in_sales == sales > 0

    # As somebody might type it: capitals, the suburb's comma, nothing else.
    street, _, place = address.partition(", ")
    typed = f"{street.upper()}, {place}"
    file = tmp_path / "page.json"
    ended = home.run("property", typed, "--json", str(file))
    assert ended.code == 0, ended.screen
    assert ended.out.startswith(address)
    assert property_id in ended.out
    assert f"Price history ({price_count})" in ended.out
    for event_date, price, source_file, line in rows:
        shown = [text for text in ended.out.splitlines() if text.startswith(event_date)]
        assert any(
            f"${price:,}" in text and f"{source_file}:{line}" in text for text in shown
        ), ended.out
    page = json.loads(file.read_text())
    assert page["property"]["property_id"] == property_id
    assert len(page["prices"]) == price_count
    assert page["sources"], "no source says why it is this home"

    by_id = home.run("property", property_id)
    assert by_id.code == 0
    assert by_id.out.splitlines()[0] == address

    unknown = home.run("property", f"99999 Nowhere Lane, Atlantis {state} {postcode}")
    assert unknown.code == 2
    assert "No property is known as" in unknown.err
    assert "Traceback" not in unknown.screen
