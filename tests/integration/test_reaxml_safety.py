"""REAXML from strangers: nothing is fetched, nothing exhausts, nothing raises."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.reaxml_reading import read, read_text
from tests.reaxml_samples import FULL, HEAD, feed, record, zip_file

ROOT = Path(__file__).parents[2]


@contextmanager
def server() -> Iterator[tuple[str, list[str]]]:
    """A real HTTP server, and the requests it got."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'<!ENTITY secret "FETCHED">')

        def log_message(self, *_: object) -> None:
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}", asked
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def test_an_external_dtd_is_never_fetched_and_its_file_loads(tmp_path: Path) -> None:
    with server() as (url, asked):
        local = tmp_path / "local.dtd"
        local.write_text('<!ENTITY secret "FETCHED">')
        body = "<headline>a &secret; b</headline>"
        for place in (f"{url}/propertyList.dtd", local.as_uri(), str(local)):
            head = f'<!DOCTYPE propertyList SYSTEM "{place}">\n'
            out = read_text(tmp_path, feed(record(body), head=head))
            assert out.rows[0]["patch"] == {"headline": "a &secret; b"}
            assert {"rule": "entity_undeclared", "field": "", "value": None} in (
                out.rows[0]["notes"]
            )
        assert not asked


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "{place}">',
        '<!ENTITY x PUBLIC "-//x" "{place}">',
        '<!ENTITY % x SYSTEM "{place}"> %x;',
        '<!ENTITY x "inside">',
        '<!ENTITY x SYSTEM "{place}" NDATA gif>',
    ],
)
def test_no_declared_entity_is_fetched_or_included(
    tmp_path: Path, declaration: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("FETCHED")
    with server() as (url, asked):
        for place in (f"{url}/x.ent", secret.as_uri(), str(secret)):
            head = f"<!DOCTYPE propertyList [{declaration.format(place=place)}]>\n"
            body = "<headline>&x;</headline>"
            out = read_text(tmp_path, feed(record(body), head=head))
            assert [refusal.rule_id for refusal in out.refusals] == ["file_xml_unsafe"]
            assert "entit" in out.refusals[0].reason
            assert "FETCHED" not in repr(out)
            assert len(out.rejects) == 1
        assert not asked


def test_billion_laughs_are_refused_whole_in_flat_memory(tmp_path: Path) -> None:
    names = [f"l{n}" for n in range(30)]
    laughs = '<!ENTITY l0 "lol">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)
    )
    head = f"<!DOCTYPE propertyList [{laughs}]>\n"
    tracemalloc.start()
    out = read_text(tmp_path, feed(record("<headline>&l29;</headline>"), head=head))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert out.refusals[0].rule_id == "file_xml_unsafe"
    assert "gigabytes" in out.refusals[0].reason
    assert peak < 20 << 20


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    bomb = zip_file(tmp_path / "z", {"a.xml": b" " * (100 << 20)})
    assert read_text(tmp_path, bomb).refusals[0].rule_id == "zip_unsafe"


@pytest.mark.parametrize(
    "text",
    [
        "<a>" * 100_000,
        f"<propertyList><a b='{'x' * (9 << 20)}'/></propertyList>",
        f"<propertyList><!--{'x' * (9 << 20)}--></propertyList>",
        f"<!DOCTYPE p [{'<!ELEMENT a (b)>' * 400_000}]><p/>",
        f"<p>{''.join(f'<n{n}/>' for n in range(60_000))}</p>",
    ],
    ids=["deep", "long tag", "long comment", "long doctype", "many names"],
)
def test_files_made_to_exhaust_are_refused(tmp_path: Path, text: str) -> None:
    out = read_text(tmp_path, text)
    assert out.refusals[0].rule_id == "file_xml_unsafe"


def test_the_feed_s_password_is_kept_nowhere(tmp_path: Path) -> None:
    text = feed(record(FULL)).replace("<propertyList ", '<propertyList password="s3c" ')
    assert "s3c" not in repr(read_text(tmp_path, text))
    assert "s3c" not in repr(read_text(tmp_path, text[:-30]))


MEASURE = """
import resource, sys
from pathlib import Path
from connectors.reaxml import ReaxmlContainer
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
files = ReaxmlContainer.of(Path(sys.argv[1])).files()
rows = sum(len(batch.rows) for file in files for batch in file.batches())
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.xml"
    body = FULL.replace("<description>", f"<description>{'word ' * 3_000}")
    listing = record(body, unique="U")
    count = 2_000
    with path.open("w") as target:
        target.write(feed().removesuffix("</propertyList>\n"))
        for number in range(count):
            target.write(listing.replace(">U<", f">U{number}<"))
        target.write("</propertyList>")
    assert path.stat().st_size > 30 << 20
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    rows, grown_mib = map(int, ended.stdout.split())
    assert rows == count
    assert grown_mib < 40


# Anything -----------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(
            "<residential>",
            "</residential>",
            '<rental modTime="20240101">',
            "</rental>",
        ),
        *("<agentID>ABCDEF</agentID>", "<uniqueID>1</uniqueID>", "<price>", "</price>"),
        *(
            "<propertyList>",
            "</propertyList>",
            "&amp;",
            "&nbsp;",
            "&",
            "<![CDATA[",
            "]]>",
        ),
        *("<!--", "-->", "<!DOCTYPE x [", "]>", '<!ENTITY a "b">', "\x00", "\ufeff"),
        *(
            "<land status='sold'/>",
            "é",
            "\ud7ff",
            "<?pi?>",
            "5",
            " ",
            "\n",
            "'",
            '"',
            ">",
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(["utf-8", "utf-16"]))
@example("<propertyList><land/><land/></propertyList>", "utf-8")
def test_any_text_gives_records_rejects_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, text: str, codec: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.xml"
    path.write_bytes(text.encode(codec))
    out = read(path)
    assert not (out.refusals and out.rows)
    if not out.refusals:
        assert out.read == sum(n for name, n in out.counts.items() if "." not in name)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_to_a_feed_gives_records_rejects_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(feed(record(FULL), record(unique="U2")).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.integers(0, 20))
        content[at : at + size] = data.draw(st.binary(max_size=10))
    path = tmp_path_factory.mktemp("any") / "any.xml"
    path.write_bytes(content)
    out = read(path)
    assert (
        out.refusals or out.read >= 1 or HEAD not in content.decode("utf-8", "replace")
    )
