from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.resilience import (
    Downloaded,
    Refused,
    SourceClient,
    SourceDown,
    SourcePolicy,
    TooLarge,
)
from tests.scripted_server import (
    Reply,
    Request,
    ScriptedServer,
    file_reply,
    scripted_server,
)

BODY = bytes(range(256)) * 4096


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as made:
        yield made


@pytest.fixture
def client() -> Iterator[SourceClient]:
    with SourceClient(SourcePolicy("test"), sleep=lambda seconds: None) as made:
        yield made


def cut(reply: Reply, share: float) -> Reply:
    reply.cut_at = int(len(reply.body) * share)
    return reply


def cutting(server: ScriptedServer, times: int, share: float = 0.5) -> None:
    """Serve /a.zip by the rules, but hang up the first so many times."""
    left = [times]

    def answer(request: Request) -> Reply:
        reply = file_reply(BODY, request, '"one"')
        if left[0] > 0:
            left[0] -= 1
            return cut(reply, share)
        return reply

    server.answer = answer


def check(landed: Downloaded, body: bytes = BODY) -> None:
    assert landed.path.read_bytes() == body
    assert landed.sha256 == hashlib.sha256(body).hexdigest()
    assert landed.size_bytes == len(body)
    names = {path.name for path in landed.path.parent.iterdir()}
    name = landed.path.name
    assert names == {name, f".{name}.receipt.json"}
    receipt = json.loads((landed.path.parent / f".{name}.receipt.json").read_text())
    assert receipt["sha256"] == landed.sha256


def test_a_cut_body_goes_on_where_it_ended(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    cutting(server, 2)
    landed = client.download(f"{server.url}/a.zip", tmp_path)
    check(landed)
    ranges = [request.headers.get("Range") for request in server.seen]
    assert ranges == [None, f"bytes={len(BODY) // 2}-", f"bytes={len(BODY) * 3 // 4}-"]
    assert {r.headers.get("If-Range") for r in server.seen[1:]} == {'"one"'}
    assert landed.resumed_bytes == len(BODY) * 3 // 4
    assert client.metrics.count("bytes") == len(BODY)


def test_a_later_client_goes_on_with_the_part(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    cutting(server, 5, 0.1)
    with pytest.raises(SourceDown, match=r"broke off after .* bytes \(5 attempts\)"):
        client.download(f"{server.url}/a.zip", tmp_path)
    assert not (tmp_path / "a.zip").exists()
    with SourceClient(SourcePolicy("test")) as later:
        landed = later.download(f"{server.url}/a.zip", tmp_path)
    check(landed)
    assert landed.resumed_bytes > 0
    assert later.metrics.count("bytes") < len(BODY)


def test_another_version_is_never_glued_to_a_part(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    other = BODY[::-1] + b"!"
    versions = iter([cut(file_reply(BODY, _plain(), '"one"'), 0.5)])

    def by_the_rules(request: Request) -> Reply:
        return next(versions, None) or file_reply(other, request, '"two"')

    server.answer = by_the_rules
    check(client.download(f"{server.url}/a.zip", tmp_path), other)

    # A server that goes on with a new version although asked with If-Range.
    versions = iter([cut(file_reply(BODY, _plain(), '"one"'), 0.5)])

    def careless(request: Request) -> Reply:
        request.headers.pop("If-Range", None)
        return next(versions, None) or file_reply(other, request, '"two"')

    server.answer = careless
    check(client.download(f"{server.url}/b.zip", tmp_path / "b"), other)


def _plain() -> Request:
    return Request("GET", "/", {}, b"", 0.0)


@pytest.mark.parametrize(
    "headers",
    [{}, {"ETag": 'W/"weak"'}, {"ETag": 'W/"weak"', "Last-Modified": "Mon"}],
    ids=["nothing", "weak tag", "weak tag and date"],
)
def test_without_a_strong_validator_a_cut_body_starts_anew(
    server: ScriptedServer,
    client: SourceClient,
    tmp_path: Path,
    headers: dict[str, str],
) -> None:
    server.script(Reply(200, BODY, headers, cut_at=1000), Reply(200, BODY, headers))
    check(client.download(f"{server.url}/a.zip", tmp_path))
    assert "Range" not in server.seen[1].headers


def test_a_date_is_a_validator_too(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    dated = {"Last-Modified": "Mon, 17 Jun 2024 00:00:00 GMT"}
    rest = {**dated, "Content-Range": f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"}
    server.script(Reply(200, BODY, dated, cut_at=1000), Reply(206, BODY[1000:], rest))
    check(client.download(f"{server.url}/a.zip", tmp_path))
    assert server.seen[1].headers["If-Range"] == dated["Last-Modified"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(416, b""),
        Reply(206, b"xx", {"Content-Range": "bytes 5-6/7", "ETag": '"one"'}),
        Reply(206, b"xx", {"ETag": '"one"'}),
        Reply(206, b"xx", {"Content-Range": "items 1-2/3", "ETag": '"one"'}),
    ],
)
def test_nonsense_for_an_answer_to_a_range_starts_anew(
    server: ScriptedServer, client: SourceClient, tmp_path: Path, reply: Reply
) -> None:
    whole = Reply(200, BODY, {"ETag": '"one"'})
    server.script(Reply(200, BODY, {"ETag": '"one"'}, cut_at=1000), reply, whole)
    check(client.download(f"{server.url}/a.zip", tmp_path))


def test_an_unchanged_file_costs_a_304(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    server.files({"/a.zip": BODY})
    assert client.download(f"{server.url}/a.zip", tmp_path).is_new
    again = client.download(f"{server.url}/a.zip", tmp_path)
    check(again)
    assert not again.is_new
    assert client.metrics.count("not_modified") == 1
    assert client.metrics.count("bytes") == len(BODY)


def test_a_changed_file_replaces_the_old_one_whole(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    server.files({"/a.zip": BODY})
    client.download(f"{server.url}/a.zip", tmp_path)
    server.script(Reply(200, b"new" * 1000, {"ETag": '"two"'}, cut_at=10))
    with pytest.raises(SourceDown):
        client.download(f"{server.url}/a.zip", tmp_path)
    assert (tmp_path / "a.zip").read_bytes() == BODY
    server.script(Reply(200, b"new", {"ETag": '"two"'}))
    check(client.download(f"{server.url}/a.zip", tmp_path), b"new")


def test_files_too_long_are_not_kept(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    server.files({"/a.zip": BODY})
    with pytest.raises(TooLarge, match="longer than the limit of 1,000 bytes"):
        client.download(f"{server.url}/a.zip", tmp_path, max_bytes=1000)
    assert list(tmp_path.iterdir()) == []
    assert len(server.seen) == 1


def test_a_body_that_drips_ends_at_the_total_and_keeps_what_came(
    server: ScriptedServer, tmp_path: Path
) -> None:
    def drip(write) -> None:
        write(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\nETag: "one"\r\n\r\n')
        for _ in range(100):
            write(b"x")
            time.sleep(0.02)

    server.script(Reply(raw=drip))
    policy = SourcePolicy("test", retry="none", read_seconds=0.2, total_seconds=0.3)
    started = time.monotonic()
    with SourceClient(policy) as client, pytest.raises(SourceDown, match="too slow"):
        client.download(f"{server.url}/a.zip", tmp_path)
    assert time.monotonic() - started < 1.8
    assert 0 < (tmp_path / ".a.zip.part").stat().st_size < 90


def test_many_downloads_of_one_file_fetch_it_once(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    server.files({"/a.zip": BODY})
    with ThreadPoolExecutor(4) as pool:
        url = f"{server.url}/a.zip"
        landed = list(pool.map(lambda _: client.download(url, tmp_path), range(8)))
    assert sum(one.is_new for one in landed) == 1
    check(landed[0])
    assert client.metrics.count("bytes") == len(BODY)


def test_old_parts_are_swept_and_names_stay_inside(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    forgotten = tmp_path / ".gone.zip.part"
    forgotten.write_bytes(b"x")
    os.utime(forgotten, (0, 0))
    server.files({"/a.zip": BODY, "/x/..%2F..%2Fb.zip": BODY})
    client.download(f"{server.url}/a.zip", tmp_path)
    assert not forgotten.exists()
    landed = client.download(f"{server.url}/x/..%2F..%2Fb.zip", tmp_path / "in")
    assert landed.path == tmp_path / "in" / "b.zip"
    for address in ("/", "/..", "/.hidden", "/%00"):
        with pytest.raises(Refused, match="names no file"):
            client.download(f"{server.url}{address}", tmp_path)
    named = client.download(f"{server.url}/a.zip", tmp_path / "c", name="c.zip")
    assert named.path.name == "c.zip"


def test_a_failed_download_leaves_no_litter(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    server.script(Reply(404))
    with pytest.raises(Refused, match="answered 404"):
        client.download(f"{server.url}/a.zip", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_may_break_off_as_often_as_it_gets_further(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    large = BODY * 12
    step = 1_100_000

    def answer(request: Request) -> Reply:
        reply = file_reply(large, request, '"one"')
        reply.cut_at = step
        return reply

    server.answer = answer
    check(client.download(f"{server.url}/a.zip", tmp_path), large)
    assert len(server.seen) == len(large) // step + 1 > 5
    # Without a validator every attempt starts anew: that is no progress.
    server.seen.clear()
    server.script(Reply(200, large, cut_at=step))
    with pytest.raises(SourceDown, match="5 attempts"):
        client.download(f"{server.url}/b.zip", tmp_path / "b")
    assert len(server.seen) == 5


def test_a_file_of_the_same_name_from_elsewhere_is_another_file(
    server: ScriptedServer, client: SourceClient, tmp_path: Path
) -> None:
    server.files({"/one/a.zip": BODY, "/two/a.zip": b"two"}, etag='"same"')
    client.download(f"{server.url}/one/a.zip", tmp_path)
    check(client.download(f"{server.url}/two/a.zip", tmp_path), b"two")
