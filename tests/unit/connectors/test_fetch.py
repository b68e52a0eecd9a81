from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connectors.nsw_valuer.fetch import fetch_files
from connectors.nsw_valuer.listing import (
    read_listing,
    remember_listing,
    wanted_files,
)
from connectors.nsw_valuer.names import Weeks
from connectors.resilience import SourceClient, SourceDown, SourcePolicy
from domain.errors import PermanentError, UserError

BODY = b"0123456789" * 100


@dataclass
class Site:
    """A server whose answers a test sets; it remembers what it was asked."""

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    etag: str | None = '"one"'
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, dict(self.headers)))
            queue = state.statuses.get(self.path, [])
            status = queue.pop(0) if queue else 200
            body = state.pages.get(self.path)
            if body is None:
                status, body = 404, b""
            if state.etag and self.headers.get("If-None-Match") == state.etag:
                status, body = 304, b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if state.etag:
                self.send_header("ETag", state.etag)
            self.end_headers()
            if state.cut.get(self.path, 0) > 0:
                state.cut[self.path] -= 1
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client() -> Iterator[SourceClient]:
    with SourceClient(SourcePolicy("test"), sleep=lambda seconds: None) as made:
        yield made


def list_files(client: SourceClient, location: str, weeks: Weeks | None) -> list[str]:
    return wanted_files(location, read_listing(client, location), weeks)


def asked_paths(site: Site) -> list[str]:
    return [path for path, _ in site.asked]


def test_a_download_is_whole_and_not_repeated(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/20240617.zip"] = BODY
    path = client.download(f"{site.url}/20240617.zip", tmp_path).path
    assert path.read_bytes() == BODY
    client.download(f"{site.url}/20240617.zip", tmp_path)
    assert site.asked[1][1]["If-None-Match"] == '"one"'
    site.etag, site.pages["/20240617.zip"] = '"two"', BODY + b"!"
    client.download(f"{site.url}/20240617.zip", tmp_path)
    assert path.read_bytes() == BODY + b"!"
    assert list(tmp_path.glob(".*.part")) == []


def test_a_changed_local_file_is_fetched_again(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/a.zip"] = BODY
    path = client.download(f"{site.url}/a.zip", tmp_path).path
    path.write_bytes(b"cut short by a full disk")
    assert client.download(f"{site.url}/a.zip", tmp_path).path.read_bytes() == BODY


def test_bodies_that_end_early_are_fetched_again(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/a.zip"] = BODY
    site.cut["/a.zip"] = 1
    assert client.download(f"{site.url}/a.zip", tmp_path).path.read_bytes() == BODY
    site.pages["/b.zip"] = BODY
    site.cut["/b.zip"] = 99
    with pytest.raises(SourceDown, match="5 attempts"):
        client.download(f"{site.url}/b.zip", tmp_path)
    assert not (tmp_path / "b.zip").exists()
    site.cut["/b.zip"] = 0
    assert client.download(f"{site.url}/b.zip", tmp_path).path.read_bytes() == BODY
    assert list(tmp_path.glob(".*.part*")) == []


def test_a_short_outage_is_ridden_out(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/a.zip"] = BODY
    site.statuses["/a.zip"] = [503, 429, 200]
    assert client.download(f"{site.url}/a.zip", tmp_path).path.read_bytes() == BODY


def test_a_listing_gives_psi_files_only_with_its_address_as_referer(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/psi/"] = (
        b'<a href="/__psi/weekly/20240624.zip">b</a><a href="guide.pdf">g</a>'
        b'<A HREF="/__psi/weekly/20240617.zip">a</a><a>none</a>'
    )
    site.pages["/__psi/weekly/20240617.zip"] = BODY
    fetched = fetch_files(client, f"{site.url}/psi/", tmp_path)
    assert [item.path and item.path.name for item in fetched] == ["20240617.zip", None]
    assert fetched[1].problem is not None
    assert "404" in fetched[1].problem
    files = [headers for path, headers in site.asked if path.endswith(".zip")]
    assert {headers["Referer"] for headers in files} == {f"{site.url}/psi/"}
    monday = date(2024, 6, 24)
    assert list_files(client, f"{site.url}/psi/", (monday, monday)) == [
        f"{site.url}/__psi/weekly/20240624.zip"
    ]


def test_an_empty_listing_says_so_or_weeks_are_asked_for_by_rule(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/psi/"] = b"<p>No files</p>"
    with pytest.raises(UserError, match="links to no weekly file"):
        fetch_files(client, f"{site.url}/psi/", tmp_path)
    weeks = (date(2024, 6, 17), date(2024, 6, 24))
    by_rule = [
        f"{site.url}/__psi/weekly/20240617.zip",
        f"{site.url}/__psi/weekly/20240624.zip",
    ]
    assert list_files(client, f"{site.url}/psi/", weeks) == by_rule
    assert list_files(client, f"{site.url}/__psi/weekly/", weeks) == by_rule


def test_no_answer_and_no_file_are_sentences(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="answered 404"):
        fetch_files(client, f"{site.url}/absent/", tmp_path)
    site.pages["/psi/"] = b'<a href="20240617.zip">x</a>'
    with pytest.raises(UserError, match="None of 1 files could be fetched"):
        fetch_files(client, f"{site.url}/psi/", tmp_path)
    with pytest.raises(SourceDown, match="the connection was refused"):
        fetch_files(client, "http://127.0.0.1:9/psi/", tmp_path)


YEAR = (date(2023, 1, 2), date(2023, 12, 25))


def test_a_year_whose_weeks_are_gone_comes_from_its_zip_fetched_once(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.pages["/psi/"] = b"<p>Empty at times</p>"
    site.pages["/__psi/yearly/2023.zip"] = BODY
    site.pages["/__psi/weekly/20231225.zip"] = BODY
    fetched = fetch_files(client, f"{site.url}/psi/", tmp_path, YEAR)
    assert [item.path and item.path.name for item in fetched] == [
        "20231225.zip",
        "2023.zip",
    ]
    assert asked_paths(site).count("/__psi/yearly/2023.zip") == 1
    # Another run asks whether it has changed, and does not fetch it again.
    fetch_files(client, f"{site.url}/psi/", tmp_path, YEAR)
    again = [headers for path, headers in site.asked if path.endswith("/2023.zip")]
    assert len(again) == 2
    assert again[1]["If-None-Match"] == '"one"'


def test_a_listed_year_is_fetched_only_for_weeks_not_listed_themselves(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    links = ["/__psi/yearly/2023.zip", "/__psi/yearly/2022.zip"]
    links += ["/__psi/weekly/20231218.zip", "/__psi/weekly/20231225.zip"]
    site.pages |= dict.fromkeys(links, BODY)
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    site.pages["/psi/"] = page.encode()
    listing = f"{site.url}/psi/"

    def names(weeks: Weeks | None) -> list[str]:
        return [url.rpartition("/")[2] for url in list_files(client, listing, weeks)]

    assert names((date(2023, 12, 18), date(2023, 12, 25))) == [
        "20231218.zip",
        "20231225.zip",
    ]
    assert names((date(2023, 12, 11), date(2023, 12, 11))) == ["2023.zip"]
    assert names(YEAR) == ["2023.zip", "20231218.zip", "20231225.zip"]
    assert len(names(None)) == 4


def test_a_listing_read_for_the_plan_is_not_read_again_by_its_run(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    url = f"{site.url}/__psi/weekly/20240617.zip"
    site.pages["/__psi/weekly/20240617.zip"] = BODY
    site.pages["/psi/"] = b'<a href="/__psi/weekly/20240617.zip">a</a>'
    listing = f"{site.url}/psi/"
    for age, pages_read in ((60.0, 0), (60.0, 1), (2000.0, 2)):
        if (age, pages_read) != (60.0, 1):  # then the first run has used it up
            remember_listing(tmp_path, listing, [url], 1_000_000.0)
        fetched = fetch_files(
            client, listing, tmp_path, clock=lambda age=age: 1_000_000.0 + age
        )
        assert [item.problem for item in fetched] == [None]
        assert asked_paths(site).count("/psi/") == pages_read


def test_a_site_that_forbids_says_what_to_do(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    path = "/__psi/weekly/20240617.zip"
    site.pages[path], site.statuses[path] = BODY, [403] * 9
    with pytest.raises(PermanentError, match="come from its listing page"):
        fetch_files(client, f"{site.url}{path}", tmp_path)
    assert site.asked[0][1]["Referer"] == f"{site.url}/"
