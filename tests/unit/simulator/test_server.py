from __future__ import annotations

import gzip
import http.client
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.__main__ import main, write_files
from simulator.faults import Faults
from simulator.market import Market, MarketSize
from simulator.psi import weekly_zip
from simulator.server import SiteServer
from simulator.website import Site

CHECKOUT = Path(__file__).parents[3]
REFERER = {"Referer": "http://site/psi/"}
WEEK = "/__psi/weekly/20230313.zip"

Get = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=600, weeks=12))


@pytest.fixture
def serve(market: Market) -> Iterator[Callable[..., Get]]:
    """Starts a site with faults; gives a way to ask it over one connection."""
    started: list[tuple[SiteServer, http.client.HTTPConnection]] = []

    def start(*faults: str, archive: bool = False, size: Market = market) -> Get:
        server = SiteServer(Site(size, Faults.parse(faults), archive=archive))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        started.append((server, connection))

        def get(
            path: str, headers: dict[str, str] | None = None, method: str = "GET"
        ) -> tuple[http.client.HTTPResponse, bytes]:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            try:
                return response, response.read()
            except http.client.IncompleteRead:
                connection.close()  # the next request opens a new one
                raise

        return get

    yield start
    for server, connection in started:
        connection.close()
        server.shutdown()
        server.server_close()


def links(page: bytes) -> list[str]:
    return re.findall(r'href="([^"]+)"', page.decode())


def test_the_listing_links_every_week_and_each_link_answers(
    serve: Callable[..., Get], market: Market
) -> None:
    get = serve()
    response, page = get("/psi/")
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["X-Simulated"] == "true"
    found = links(page)
    assert len(found) == 12
    assert found[0] == "/__psi/weekly/20230320.zip"
    response, body = get(found[-1], REFERER)
    assert response.status == 200
    assert body == weekly_zip(market, 0)


def test_a_weekly_file_is_forbidden_without_a_referer(
    serve: Callable[..., Get],
) -> None:
    get = serve()
    assert get(WEEK)[0].status == 403
    assert get(WEEK, REFERER)[0].status == 200


def test_an_unchanged_file_is_not_sent_again(serve: Callable[..., Get]) -> None:
    get = serve()
    response, _ = get(WEEK, REFERER)
    etag, modified = response.headers["ETag"], response.headers["Last-Modified"]
    assert modified == "Mon, 13 Mar 2023 02:00:00 GMT"
    for condition, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f'"x", W/{etag}'}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": "Mon, 06 Mar 2023 02:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
    ):
        response, body = get(WEEK, {**REFERER, **condition})
        assert response.status == status
        assert (body == b"") is (status == 304)


def test_head_tells_the_size_only(serve: Callable[..., Get], market: Market) -> None:
    response, body = serve()(WEEK, REFERER, method="HEAD")
    assert int(response.headers["Content-Length"]) == len(weekly_zip(market, 10))
    assert body == b""


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/__psi/weekly/20230314.zip",
        "/__psi/weekly/20990302.zip",
        "/__psi/weekly/20231399.zip",
        "/__psi/weekly/latest.zip",
        "/__psi/yearly/1999.zip",
        "/csv/other.csv",
    ],
)
def test_what_is_not_there_is_not_found(serve: Callable[..., Get], path: str) -> None:
    assert serve()(path, REFERER)[0].status == 404


def test_finished_years_can_be_archived(serve: Callable[..., Get]) -> None:
    two_years = Market(MarketSize(homes=300, weeks=54))
    get = serve(archive=True, size=two_years)
    found = links(get("/psi/")[1])
    assert found[:2] == ["/__psi/weekly/20240108.zip", "/__psi/weekly/20240101.zip"]
    assert found[2:] == ["/__psi/yearly/2023.zip"]
    with zipfile.ZipFile(io.BytesIO(get(found[-1])[1])) as year:
        assert len(year.namelist()) == 52


def test_the_csv_is_served_plain_and_packed(serve: Callable[..., Get]) -> None:
    get = serve()
    packed, plain = get("/csv/sales.csv.gz")[1], get("/csv/sales.csv")[1]
    assert gzip.decompress(packed) == plain
    assert plain.startswith(b"Suburb,Address,")


def test_a_truncated_file_is_no_zip(serve: Callable[..., Get]) -> None:
    get = serve("truncate=20230313.zip")
    response, body = get(WEEK, REFERER)
    assert int(response.headers["Content-Length"]) == len(body)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(body))
    assert not zipfile.ZipFile(
        io.BytesIO(get("/__psi/weekly/20230306.zip", REFERER)[1])
    ).testzip()


@pytest.mark.parametrize("as_query", [True, False])
def test_a_wrong_trailer_counts_one_sale_too_many(
    serve: Callable[..., Get], as_query: bool
) -> None:
    if as_query:
        body = serve()(f"{WEEK}?fault=wrong_z", REFERER)[1]
    else:
        body = serve("wrong_z=20230313.zip")(WEEK, REFERER)[1]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        files = [name for name in archive.namelist() if name.endswith(".DAT")]
        wrong = []
        for name in files:
            text = archive.read(name).decode()
            stated = int(text.rstrip().rpartition("\n")[2].split(";")[2])
            wrong.append(stated - text.count("\nB;"))
    assert wrong == [1] + [0] * (len(files) - 1)


def test_a_binary_member_is_no_text(serve: Callable[..., Get]) -> None:
    body = serve("binary=20230313.zip")(WEEK, REFERER)[1]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert b"\x00" in archive.read(archive.namelist()[1])


def test_a_cut_connection_ends_early_once(serve: Callable[..., Get]) -> None:
    get = serve("cut=20230313.zip")
    with pytest.raises(http.client.IncompleteRead):
        get(WEEK, REFERER)
    assert get(WEEK, REFERER)[0].status == 200


def test_the_first_requests_can_fail(serve: Callable[..., Get]) -> None:
    get = serve("status=503:2")
    assert get("/healthz")[0].status == 204
    statuses = [get("/psi/")[0] for _ in range(3)]
    assert [response.status for response in statuses] == [503, 503, 200]
    assert statuses[0].headers["Retry-After"] == "1"


def test_a_late_file_appears_with_a_later_listing(serve: Callable[..., Get]) -> None:
    get = serve("late=20230313.zip:1")
    assert get(WEEK, REFERER)[0].status == 404
    assert WEEK not in links(get("/psi/")[1])
    assert WEEK in links(get("/psi/")[1])
    assert get(WEEK, REFERER)[0].status == 200


def test_the_listing_is_sometimes_empty(serve: Callable[..., Get]) -> None:
    get = serve("empty_listing=1")
    assert links(get("/psi/")[1]) == []
    assert links(get("/psi/")[1])
    assert links(get("/psi/?fault=empty_listing")[1]) == []


def test_a_further_week_can_be_published(serve: Callable[..., Get]) -> None:
    get = serve()
    new = "/__psi/weekly/20230327.zip"
    assert get(new, REFERER)[0].status == 404
    response, body = get("/control/publish?weeks=1", method="POST")
    assert (response.status, body) == (200, b"20230327.zip\n")
    assert links(get("/psi/")[1])[0] == new
    assert get(new, REFERER)[0].status == 200


@pytest.mark.parametrize("word", ["explode=1", "status=200", "slow=long", "truncate"])
def test_an_unknown_fault_is_refused_by_name(word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Faults.parse([word])


def test_a_fault_on_no_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--fault", "truncate=20300101.zip"])
    assert stop.value.code == 2
    assert "20230102.zip to 20241223.zip" in capsys.readouterr().err


def test_files_can_be_written_to_a_folder(tmp_path: Path, market: Market) -> None:
    write_files(market, tmp_path)
    assert len(list((tmp_path / "psi").iterdir())) == 12
    written = (tmp_path / "psi" / "20230313.zip").read_bytes()
    assert written == weekly_zip(market, 10)
    assert gzip.decompress((tmp_path / "sales.csv.gz").read_bytes())


def test_the_process_announces_itself_and_ends_with_its_parent(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "simulator", "--properties", "300"]
    command += ["--exit-with-stdin", "--state-file", str(state)]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told == json.loads(state.read_text())
        assert told["pid"] == process.pid
        assert told["url"].startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(10) == 0
