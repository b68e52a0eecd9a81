"""The Domain connector against the simulated API over HTTP, into PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assets.landing.domain_api import DomainSummary, ingest_domain_listings
from assets.landing.domain_records import (
    confirm_gone_listings,
    ingest_domain_details,
    ingest_domain_properties,
    ingest_domain_sales_results,
    ingest_domain_suburb_performance,
)
from connectors.domain_api.api import DomainApi
from connectors.domain_api.auth import Credentials
from connectors.resilience import Secret
from domain.errors import PermanentError
from tests.domain_server import SALE, advance, api_of, domain_server, truth

#: Some 300 listings behind a ceiling of 60 are split like 5,000 behind one of 1,000.
CEILING = 60
PAGE = 10


def land(
    conn: psycopg.Connection, api: DomainApi, folder: Path, **options: Any
) -> DomainSummary:
    given = {"page_size": PAGE, "ceiling": CEILING, **options}
    searches = given.pop("searches", [SALE])
    return ingest_domain_listings(
        conn, api, searches, landing=folder, is_simulated=True, **given
    )


def landed(conn: psycopg.Connection) -> set[int]:
    rows = conn.execute("select distinct listing_id from raw.domain__listings")
    return {row[0] for row in rows}


def one(conn: psycopg.Connection, statement: str, *parameters: Any) -> Any:
    row = conn.execute(statement, parameters).fetchone()
    return row[0] if row else None


def test_every_listing_beyond_the_ceiling_arrives_once(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        api = api_of(server)
        summary = land(conn, api, tmp_path)
        wanted = truth(server)
        assert len(wanted) > 4 * CEILING
        assert summary.status == "ok"
        assert summary.missing == 0
        assert summary.read == summary.loaded + summary.repeated + summary.rejected
        assert landed(conn) == wanted
        assert one(conn, "select count(*) from raw.domain__listings") == len(wanted)
        assert one(conn, "select count(*) from raw.rejects") == 0
        # Listings inside projects are listings.
        assert one(
            conn, "select count(*) from raw.domain__listings where project_name <> ''"
        )

        again = land(conn, api, tmp_path, mode="full")
        assert again.loaded == 0
        assert again.repeated == again.read


def test_price_bands_cover_listings_without_a_price(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        priced = truth(server, {**SALE, "excludePriceWithheld": True})
        wanted = truth(server)
        assert len(wanted - priced) > 20
        summary = land(conn, api_of(server), tmp_path, dimensions=("price", "rooms"))
        assert summary.missing == 0
        assert landed(conn) == wanted
        assert one(conn, "select count(*) from ops.fetch_slices") > 5


@pytest.mark.parametrize("dimensions", [("listed",), ("place", "rooms", "price")])
def test_other_splits_are_complete_too(
    conn: psycopg.Connection, tmp_path: Path, dimensions: tuple[str, ...]
) -> None:
    with domain_server(ceiling=CEILING) as server:
        summary = land(conn, api_of(server), tmp_path, dimensions=dimensions)
        assert summary.missing == 0
        assert landed(conn) == truth(server)


def test_a_server_without_counts_is_read_to_the_end(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING, with_total_count=False) as server:
        summary = land(conn, api_of(server), tmp_path)
        assert summary.status == "ok"
        assert landed(conn) == truth(server)


def test_what_cannot_be_divided_further_is_counted_as_missing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        summary = land(conn, api_of(server), tmp_path, dimensions=())
        assert summary.status == "ok"
        items = server.domain.truth(SALE)["items"]
        assert summary.missing == items - CEILING
        # Nobody is called gone on the word of an incomplete sweep.
        advance(server, days=1)
        gone = confirm_gone_listings(
            conn, api_of(server), landing=tmp_path, is_simulated=True
        )
        assert gone.read == 0


def test_results_that_shift_between_pages_lose_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(homes=12_000, ceiling=CEILING, minutes_per_search=20) as server:
        before = truth(server)
        api = api_of(server)
        first = land(conn, api, tmp_path)
        assert first.status == "ok"
        stayed = before & truth(server)
        assert len(stayed) > 400
        assert stayed <= landed(conn)
        # What came meanwhile is in the next poll.
        land(conn, api, tmp_path)
        land(conn, api, tmp_path)
        late = truth(server) - landed(conn)
        assert len(late) <= 3  # listed while the last poll was running


def test_a_poll_brings_what_changed_and_moves_the_mark(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        api = api_of(server)
        land(conn, api, tmp_path)
        mark = one(conn, "select mark from ops.fetch_marks")
        advance(server, days=2)
        poll = land(conn, api, tmp_path)
        assert 0 < poll.loaded < 100
        assert truth(server) <= landed(conn)
        assert one(conn, "select mark from ops.fetch_marks") > mark
        versions = "select listing_id from raw.domain__listings group by 1 having "
        assert one(conn, versions + "count(*) > 1 limit 1") is not None
        # The version in force is the one seen last.
        assert (
            one(
                conn,
                "select count(*) from ops.domain_listings as known left join "
                "raw.domain__listings as shown on shown._row_hash = known.row_hash "
                "where shown.listing_id is distinct from known.listing_id",
            )
            == 0
        )


def test_a_listing_gone_from_search_is_over_only_when_it_says_so(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        api = api_of(server)
        land(conn, api, tmp_path)
        before = truth(server)
        advance(server, days=9)
        land(conn, api, tmp_path, mode="full")
        gone = before - truth(server)
        assert gone
        confirmed = "select count(*) from ops.domain_listings where confirmed_at "
        assert one(conn, confirmed + "is not null") == 0

        few = confirm_gone_listings(
            conn, api, landing=tmp_path, is_simulated=True, limit=3
        )
        assert few.read == 3
        rest = confirm_gone_listings(conn, api, landing=tmp_path, is_simulated=True)
        assert few.read + rest.read == len(gone)
        statuses = {
            row[0]
            for row in conn.execute(
                "select distinct confirmed_status from ops.domain_listings"
            )
        }
        assert statuses - {None} <= {"sold", "withdrawn", "archived"}
        assert "sold" in statuses
        again = confirm_gone_listings(conn, api, landing=tmp_path, is_simulated=True)
        assert again.read == 0


def test_a_used_up_day_parks_the_work_and_the_next_day_goes_on(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        land(conn, api_of(server), tmp_path / "undisturbed")
        calls = server.domain.quotas.used()["Day"]
        conn.execute("truncate raw.domain__listings, ops.source_files")
        conn.execute("truncate ops.fetch_sweeps, ops.fetch_marks cascade")
        conn.commit()
        server.domain.quotas._used["Day"] = 0
        per_day = calls // 3
        server.domain.quotas.set_limits(per_minute=None, per_day=per_day)
        runs = used = 0
        while True:
            summary = land(conn, api_of(server), tmp_path / "parked")
            runs += 1
            used += int(server.domain.quotas.used()["Day"])
            if summary.status == "ok":
                break
            assert summary.status == "parked"
            assert summary.parked_until is not None
            assert "quota" in (summary.problem or "")
            assert runs < 9
            # The next day, in a market that has not moved.
            server.domain.quotas._used["Day"] = 0
        assert runs >= 3
        assert truth(server) == landed(conn)
        # Nothing was fetched twice: all runs together took what one run takes.
        assert used <= calls * 1.2


def test_a_token_that_dies_in_the_middle_is_replaced(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:

        def revoke(done: int, total: int) -> None:
            if 100 <= done < 140:
                server.domain.credentials.revoke()

        api = api_of(server)
        summary = land(conn, api, tmp_path, on_progress=revoke)
        assert summary.status == "ok"
        assert landed(conn) == truth(server)


def test_an_api_key_is_enough(conn: psycopg.Connection, tmp_path: Path) -> None:
    with domain_server(ceiling=CEILING) as server:
        key = Credentials(api_key=Secret(server.domain.options.api_key))
        land(conn, api_of(server, credentials=key), tmp_path)
        assert landed(conn) == truth(server)


def test_refused_credentials_say_what_to_mend_and_show_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    planted = "planted-secret-5521"
    with domain_server(scopes=frozenset({"api_listings_read"})) as server:
        wrong = Credentials("client_simulated_0000", Secret(planted))
        with pytest.raises(PermanentError, match="client_secret") as caught:
            land(conn, api_of(server, credentials=wrong), tmp_path)
        api = api_of(server)
        with pytest.raises(PermanentError, match="api_salesresults_read"):
            ingest_domain_sales_results(
                conn, api, ["Sydney"], landing=tmp_path, is_simulated=True
            )
        key = Credentials(api_key=Secret(server.domain.options.api_key))
        with pytest.raises(PermanentError, match="lacks the scope api_properties_read"):
            api_of(server, credentials=key).property("AA-0001-AA")
        bad_key = Credentials(api_key=Secret(planted))
        with pytest.raises(PermanentError, match="api_key") as refused:
            land(conn, api_of(server, credentials=bad_key), tmp_path)
    told = f"{caught.value!r} {refused.value!r} {wrong!r} {bad_key!r} {api!r}"
    told += str(conn.execute("select * from ops.source_runs").fetchall())
    assert planted not in told
    assert "failed" in told


def test_faults_on_every_tenth_request_lose_and_double_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        for name in ("429", "500", "503", "reset", "malformed_json"):
            server.site.faults.put(f"rate_{name}=0.1")
        for name in ("duplicate_page", "reordered_page", "clock_skew"):
            server.site.faults.put(f"rate_{name}=0.1")
        server.site.faults.put("retry_after=0")
        for _ in range(6):
            summary = land(conn, api_of(server), tmp_path)
            if summary.status == "ok":
                break
        assert summary.status == "ok"
        assert landed(conn) == truth(server)
        rows = one(conn, "select count(*) from raw.domain__listings")
        assert rows == len(truth(server))


KILLED = """
import sys
from pathlib import Path
import psycopg
from assets.landing.domain_api import ingest_domain_listings
from connectors.domain_api.api import client_maker, open_api
from connectors.domain_api.auth import Credentials
from connectors.resilience import Secret, SourcePolicy
database, url, folder = sys.argv[1:]
key = Credentials(api_key=Secret("key_simulated_0000"))
policy = SourcePolicy("domain", max_in_flight=4)
api = open_api(key, base_url=f"{url}/domain", token_url=url,
               client=client_maker(policy, None))
with psycopg.connect(database) as conn:
    print("ready", flush=True)
    ingest_domain_listings(conn, api, [{"listingType": "Sale"}], landing=Path(folder),
                           is_simulated=True, page_size=10, ceiling=60,
                           on_progress=lambda done, total: print(done, flush=True))
"""


def test_a_killed_run_goes_on_where_it_stopped(
    conn: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        for pages in (2, 7, 15):
            child = subprocess.Popen(
                [sys.executable, "-c", KILLED, database_url, server.url, str(tmp_path)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
                env={**os.environ, "PYTHONPATH": "."},
            )
            assert child.stdout is not None
            for _ in range(pages + 1):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        killed_after = server.domain.quotas.used()["Day"]
        assert one(conn, "select status from ops.fetch_sweeps") == "open"
        conn.commit()
        summary = land(conn, api_of(server), tmp_path)
        assert summary.status == "ok"
        assert landed(conn) == truth(server)
        assert one(conn, "select count(*) from raw.domain__listings") == len(
            truth(server)
        )
        # Only what was in flight at a kill was asked for again.
        pages_needed = one(conn, "select sum(page) from ops.fetch_slices")
        used = server.domain.quotas.used()["Day"]
        assert killed_after > 15
        assert used <= pages_needed + 3 * 4 + 2


def test_two_runs_do_not_read_one_search_at_once(
    conn: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    with (
        domain_server(ceiling=CEILING) as server,
        psycopg.connect(database_url) as other,
    ):
        seen: list[str] = []

        def meddle(done: int, total: int) -> None:
            if not seen:
                seen.append(land(other, api_of(server), tmp_path).status)

        summary = land(conn, api_of(server), tmp_path, on_progress=meddle)
        assert seen == ["busy"]
        assert summary.status == "ok"


def test_a_source_that_is_away_leaves_the_last_snapshot_and_says_so(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server(ceiling=CEILING) as server:
        land(conn, api_of(server), tmp_path)
        rows = len(landed(conn))
        server.site.faults.put("rate_500=1")
        summary = land(conn, api_of(server), tmp_path)
        assert summary.status == "stale"
        assert "500" in (summary.problem or "")
        assert len(landed(conn)) == rows
        runs = conn.execute("select status from ops.source_runs order by started_at")
        assert [row[0] for row in runs] == ["ok", "stale"]


def test_details_and_properties_follow_the_listings(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    common: dict[str, Any] = {"landing": tmp_path, "is_simulated": True}
    with domain_server(ceiling=CEILING) as server:
        api = api_of(server)
        land(conn, api, tmp_path)
        first = ingest_domain_details(conn, api, limit=45, **common)
        assert (first.read, first.loaded, first.rejected) == (45, 45, 0)
        rest = ingest_domain_details(conn, api, **common)
        assert first.read + rest.read == len(landed(conn))
        assert ingest_domain_details(conn, api, **common).read == 0
        homes = ingest_domain_properties(conn, api, limit=30, **common)
        assert homes.read + homes.absent == 30
        assert homes.rejected == 0
        advance(server, days=2)
        land(conn, api, tmp_path)
        changed = ingest_domain_details(conn, api, **common)
        assert 0 < changed.read < len(landed(conn))


def test_sales_results_are_fetched_when_they_have_changed(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    common: dict[str, Any] = {"landing": tmp_path, "is_simulated": True}
    with domain_server() as server:
        api = api_of(server)
        cities = ["Sydney", "Melbourne"]
        first = ingest_domain_sales_results(conn, api, cities, **common)
        assert first.loaded > 2
        assert first.rejected == 0
        assert one(conn, "select count(*) from raw.domain__sales_summaries") == 2
        again = ingest_domain_sales_results(conn, api, cities, **common)
        assert (again.read, again.unchanged, again.pages) == (0, 2, 0)


def test_suburb_performance_is_one_row_a_period(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    common: dict[str, Any] = {"landing": tmp_path, "is_simulated": True}
    with domain_server() as server:
        place = server.site.market.localities[0]
        suburb = f"{place.state}/{place.name}/{place.postcode}"
        api = api_of(server)
        first = ingest_domain_suburb_performance(conn, api, [suburb], **common)
        assert first.loaded > 0
        assert first.rejected == 0
        again = ingest_domain_suburb_performance(conn, api, [suburb], **common)
        assert again.unchanged == 2
        later = ingest_domain_suburb_performance(
            conn, api, [suburb], every=timedelta(0), **common
        )
        assert later.loaded == 0
        with pytest.raises(PermanentError, match="STATE/Suburb/postcode"):
            ingest_domain_suburb_performance(conn, api, ["Manly"], **common)
