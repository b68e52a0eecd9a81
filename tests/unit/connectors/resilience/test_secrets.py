from __future__ import annotations

import base64
import http.client
import io
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPBasicAuth

from connectors.resilience import (
    Secret,
    SourceClient,
    SourceError,
    SourcePolicy,
    redact,
)
from connectors.resilience.transport import new_session
from domain.errors import PermanentError
from tests.scripted_server import Reply, ScriptedServer, scripted_server

# Odd characters: percent-encoded, quoted in JSON, in base64.
PLANTED = 'planted/s3cret+"one"'
QUERY = "planted-query-credential"
PASSWORD = "planted-password"
TOKEN = "planted.bearer.token-0123456789"
UNKNOWN = "never-told-anybody-77"


def forms() -> list[str]:
    basic = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    quoted = requests.utils.quote(PLANTED, safe="")
    inside = json.dumps(PLANTED)[1:-1]
    return [PLANTED, QUERY, PASSWORD, TOKEN, UNKNOWN, basic, quoted, inside]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as made:
        yield made


def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {TOKEN}"
    return request


def test_planted_secrets_show_nowhere(
    server: ScriptedServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every way to ask, every way to fail, at the loudest logging there is."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    own = io.StringIO()
    handler = logging.StreamHandler(own)
    for name in ("urllib3", "requests"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "level", logging.DEBUG)
        logger.addHandler(handler)
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    hidden: list[BaseException | None] = []
    planted = Secret(PLANTED)
    client = SourceClient(
        SourcePolicy("test", retry="none", read_seconds=0.05, breaker_failures=999),
        sleep=lambda seconds: None,
        secrets=[QUERY, PASSWORD],
        auth=sign,
    )
    host = server.host
    urls = [
        f"http://user:{PASSWORD}@{host}/a?api_key={QUERY}",
        f"{server.url}/b?token={UNKNOWN}&page=1",
        f"http://127.0.0.1:9/c?X-Amz-Signature={UNKNOWN}",
        f"http://user:{UNKNOWN}@nowhere.invalid/d?sig={QUERY}",
        f"ftp://user:{UNKNOWN}@host/e?key={QUERY}",
    ]
    echo = json.dumps({"error": "invalid", "detail": f"key {PLANTED} or {TOKEN}"})
    replies = [
        Reply(200, b"no json"),
        Reply(403, echo.encode(), {"X-Domain-Security-Reason": f"bad {QUERY}"}),
        Reply(503, echo.encode()),
        Reply(302, headers={"Location": f"file:///x?secret={UNKNOWN}"}),
        Reply(200, b"1234567890", cut_at=3),
        Reply(raw=lambda write: write(f"{TOKEN}\r\n\r\n".encode())),
        Reply(seconds=0.1),
    ]
    for reply in replies:
        server.script(reply)
        for url in urls if reply is replies[0] else urls[:2]:
            for ask in (
                lambda url=url: client.get(
                    url, headers={"X-Api-Key": planted.reveal()}
                ),
                lambda url=url: client.get(url, params={"api_key": planted.reveal()}),
                lambda url=url: client.query(url, json={"secret": planted.reveal()}),
                lambda url=url: client.post_form(
                    url,
                    {"client_secret": planted.reveal()},
                    auth=HTTPBasicAuth("user", PASSWORD),
                ),
                lambda url=url: client.download(url, tmp_path),
            ):
                try:
                    answer = ask()
                    shown.append(repr(answer))
                    answer.json()
                except AttributeError:
                    pass
                except SourceError as error:
                    shown += [str(error), repr(error), repr(vars(error))]
                    shown += traceback.format_exception(error)
                    hidden += [error.__cause__, error.__context__]
    shown += [repr(planted), f"{planted}", str([planted]), repr(client)]
    shown += [repr(client.metrics), repr(client.metrics.as_metadata())]
    shown += [path.read_text(errors="replace") for path in tmp_path.iterdir()]
    shown += [path.name for path in tmp_path.iterdir()]
    captured = capsys.readouterr()
    shown += [caplog.text, own.getvalue(), captured.out, captured.err]
    for name in ("urllib3", "requests"):
        logging.getLogger(name).removeHandler(handler)
    client.close()
    assert set(hidden) == {None}
    everything = "\n".join(shown)
    assert "GET /a?api_key=***" in everything, "the loud log was heard"
    assert len(everything) > 10_000
    for form in forms():
        assert form not in everything


def test_a_traceback_in_a_log_record_is_redacted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    new_session(1).close()
    Secret(PLANTED)
    try:
        raise OSError(f"gave {PLANTED} away")
    except OSError:
        logging.getLogger("urllib3.connectionpool").exception("broke %s", PLANTED)
    assert "gave *** away" in caplog.text
    assert PLANTED not in caplog.text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://h/p?postcode=2000&sortKey=Price", None),
        ("a key ring and a token gesture", None),
        ("https://h/p?api_key=abc&x=1", "https://h/p?api_key=***&x=1"),
        ("/v1?a=1&access_token=abc HTTP/1.1", "/v1?a=1&access_token=*** HTTP/1.1"),
        ("https://u:pw@h/p", "https://***@h/p"),
        ("postgresql://u:pw@h:5432/d", "postgresql://***@h:5432/d"),
        ("Authorization: Bearer abc", "Authorization: ***"),
        ("{'X-Api-Key': 'abc', 'A': 'b'}", "{'X-Api-Key': '***', 'A': 'b'}"),
        ("send Bearer abcdefgh.ij now", "send Bearer *** now"),
        (
            "https://s3/x?X-Amz-Signature=f00&y=1",
            "https://s3/x?X-Amz-Signature=***&y=1",
        ),
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str, safe: str | None) -> None:
    assert redact(text) == (text if safe is None else safe)


def test_a_secret_comes_from_its_setting_or_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("  from-a-file\n")
    from_file = Secret.read(None, file, "domain.api_key")
    assert from_file is not None
    assert from_file.reveal() == "from-a-file"
    assert Secret.read("from-setting", file, "x") == Secret("from-setting")
    assert Secret.read("", None, "x") is None
    file.write_text(" \n")
    with pytest.raises(PermanentError, match=r"file of domain\.api_key is empty"):
        Secret.read(None, file, "domain.api_key")
    with pytest.raises(PermanentError, match="cannot be read"):
        Secret.read(None, tmp_path / "absent", "domain.api_key")


def test_a_secret_is_not_pickled_and_compares_by_value() -> None:
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(Secret("some value"))
    assert Secret("some value") == Secret("some value")
    assert len({Secret("one value"), Secret("one value"), Secret("two value")}) == 2
    assert Secret("one value") != "one value"
