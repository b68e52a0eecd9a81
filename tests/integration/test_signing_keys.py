"""What is signed, with which keys, through rotations, and that no secret shows."""

from __future__ import annotations

import base64
import hmac
import logging
import threading
import time
import traceback
from datetime import timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

import cli
from delivery import keys
from delivery.endpoints import list_endpoints
from delivery.sender import Limits, run_drain
from delivery.signing import decode_secret
from tests import webhook_receivers as receivers
from tests.delivery_seed import (
    LOOPBACK,
    MASTER_KEY,
    QUICK,
    VAULT,
    add_endpoint,
    add_predictions,
    create_market,
    one,
    publish,
    secret_of,
)
from tests.webhook_receivers import Receiver, Request

Conn = psycopg.Connection[Any]


def _drain(url: str, **options: Any) -> Any:
    return run_drain(
        url, **{"vault": VAULT, "allow_networks": LOOPBACK, "limits": QUICK, **options}
    )


def _verifies(secret: str, request: Request) -> bool:
    try:
        Webhook(secret).verify(request.body, request.headers)
    except Exception:  # their own failures are of several types
        return False
    return True


def _verifies_v1a(public: str, headers: dict[str, str], body: bytes) -> bool:
    key = Ed25519PublicKey.from_public_bytes(
        base64.b64decode(public.removeprefix("whpk_"))
    )
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for signature in headers["webhook-signature"].split(" "):
        version, _, written = signature.partition(",")
        if version == "v1a":
            try:
                key.verify(base64.b64decode(written), signed)
            except InvalidSignature:
                continue
            return True
    return False


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_27_every_request_verifies_by_others_libraries_and_no_flipped_bit_does(
    conn: Conn, database_url: str
) -> None:
    with Receiver() as receiver:
        endpoint, secret = add_endpoint(
            conn, receiver.url, kinds=["v1", "v1a"], compat=True
        )
        create_market(conn)
        add_predictions(conn, 40)
        publish_again(conn)
        assert _drain(database_url).delivered == 40
    public = next(
        key.public_key
        for key in keys.list_keys(conn, endpoint.endpoint_id)
        if key.public_key
    )
    assert len(receiver.requests) == 40
    for request in receiver.requests:
        assert _verifies(secret.written, request)
        assert _verifies_v1a(public, request.headers, request.body)
        digest = hmac.new(decode_secret(secret.written), request.body, "sha256")
        assert request.headers["x-signature-256"] == f"sha256={digest.hexdigest()}"

    request = receiver.requests[0]
    for header in ("webhook-id", "webhook-timestamp"):
        original = request.headers[header].encode()
        for bit in range(8 * len(original)):
            text = _flipped(original, bit).decode("latin-1")
            headers = {**request.headers, header: text}
            changed = Request(request.path, headers, request.body, request.at)
            assert not _verifies(secret.written, changed)
            assert not _verifies_v1a(public, headers, request.body)
    for bit in range(0, 8 * len(request.body), 3):
        body = _flipped(request.body, bit)
        changed = Request(request.path, request.headers, body, request.at)
        assert not _verifies(secret.written, changed)
        assert not _verifies_v1a(public, request.headers, body)


def publish_again(conn: Conn) -> None:
    from delivery.outbox import publish_predictions

    publish_predictions(conn)
    conn.commit()


def test_27_one_kind_alone_and_no_older_header_unless_asked_for(
    conn: Conn, database_url: str
) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        _drain(database_url)
    headers = receiver.requests[0].headers
    assert headers["webhook-signature"].startswith("v1,")
    assert " " not in headers["webhook-signature"]
    assert "x-signature-256" not in headers
    assert "authorization" not in headers


def test_28_rotation_under_load_verifies_for_old_new_and_both_until_the_overlap_ends(
    conn: Conn, database_url: str
) -> None:
    slow = Limits(per_endpoint=4, post_total=1, connect=1, lease=8, stop=2)
    with Receiver(receivers.accept_after(0.012)) as receiver:
        publish(conn, 1600, receiver.url)
        old = secret_of(conn)
        endpoint_id = list_endpoints(conn)[0].endpoint_id
        conn.commit()
        worker = threading.Thread(
            target=_drain, args=[database_url], kwargs={"limits": slow}
        )
        worker.start()
        receiver.wait_for(100)
        new = keys.rotate(
            conn, VAULT, endpoint_id, "v1", timedelta(seconds=2.5)
        ).written
        conn.commit()
        # A worker reads keys once a second.
        overlap_begins = time.time() + 1.2
        (ends,) = one(
            conn,
            "select extract(epoch from not_after)::float8 from delivery.endpoint_keys"
            " where not_after is not null",
        )
        worker.join()
    assert len(receiver.ids()) == 1600
    # What was signed in time may arrive a little late, never the other way round.
    arrival = 0.3
    within = [r for r in receiver.requests if overlap_begins < r.at < ends - 0.05]
    after = [r for r in receiver.requests if r.at > ends + arrival]
    assert len(within) > 100
    assert len(after) > 100
    for request in within:
        # The current key's signature comes first.
        first = request.headers["webhook-signature"].split(" ")[0]
        headers = {**request.headers, "webhook-signature": first}
        alone = Request(request.path, headers, request.body, request.at)
        assert _verifies(new, alone)
        assert _verifies(old, request)
        assert _verifies(new, request)
    for request in after:
        assert _verifies(new, request)
        assert not _verifies(old, request)
        assert " " not in request.headers["webhook-signature"]
    for request in receiver.requests:  # who holds both never notices
        assert _verifies(old, request) or _verifies(new, request)


def test_28_any_number_of_keys_and_an_overlap_of_none_ends_all(
    conn: Conn, database_url: str
) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        endpoint_id = list_endpoints(conn)[0].endpoint_id
        held = [secret_of(conn)]
        for _ in range(3):
            day = timedelta(days=1)
            held.append(keys.rotate(conn, VAULT, endpoint_id, "v1", day).written)
        conn.commit()
        _drain(database_url)
        assert all(_verifies(secret, receiver.requests[0]) for secret in held)

        last = keys.rotate(conn, VAULT, endpoint_id, "v1", timedelta(0)).written
        conn.commit()
        add_predictions(conn, 1, first=1)
        publish_again(conn)
        _drain(database_url)
    request = receiver.requests[1]
    assert _verifies(last, request)
    assert not any(_verifies(secret, request) for secret in held)
    for overlap in (timedelta(days=7, seconds=1), timedelta(seconds=-1)):
        with pytest.raises(keys.KeyRefused, match="0 to 7 days"):
            keys.rotate(conn, VAULT, endpoint_id, "v1", overlap)


def test_28_rotations_at_once_leave_one_current_key(
    conn: Conn, database_url: str
) -> None:
    endpoint, _ = add_endpoint(conn, "http://127.0.0.1:1/x")
    conn.commit()

    def rotate() -> None:
        with psycopg.connect(database_url) as own:
            day = timedelta(days=1)
            keys.rotate(own, VAULT, endpoint.endpoint_id, "v1", day)

    threads = [threading.Thread(target=rotate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = keys.list_keys(conn, endpoint.endpoint_id)
    assert [key.not_after is None for key in found] == [True] + [False] * 6


def test_29_a_retry_eleven_hours_later_has_a_fresh_time_the_same_id_and_bytes(
    conn: Conn, database_url: str
) -> None:
    began = time.time() - 11 * 3600
    with Receiver(receivers.status("500 Oops")) as receiver:
        publish(conn, 1, receiver.url)
        _drain(database_url, clock=lambda: began)
        receiver.answer = receivers.accept
        conn.execute("update delivery.deliveries set next_attempt_at = now()")
        conn.commit()
        assert _drain(database_url).delivered == 1
    first, second = receiver.requests
    assert (first.webhook_id, first.body) == (second.webhook_id, second.body)
    assert first.headers["webhook-timestamp"] == str(int(began))
    assert abs(int(second.headers["webhook-timestamp"]) - time.time()) < 60
    assert _verifies(secret_of(conn), second)
    assert not _verifies(secret_of(conn), first), "too old to be taken by now"


def _stored(conn: Conn) -> str:
    """All rows of all our tables, as text."""
    tables = conn.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    return "\n".join(
        row[0]
        for (table,) in tables
        for row in conn.execute(f"select t::text from {table} as t").fetchall()
    )


def _set(monkeypatch: pytest.MonkeyPatch, url: str, home: Any, **more: str) -> None:
    values = {
        "DATABASE_URL": url,
        "HOME": str(home),
        "MARKET": "real",
        "DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        "DELIVERY__MASTER_KEYS": MASTER_KEY,
        **more,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)


def _deliver() -> tuple[Any, str]:
    """The delivery job, and everything in its event log."""
    from assets.resources import Warehouse
    from orchestration.jobs import deliver_webhooks

    with dg.DagsterInstance.ephemeral() as instance:
        result = deliver_webhooks.execute_in_process(
            resources={"warehouse": Warehouse()},
            instance=instance,
            raise_on_error=False,
        )
        logged = "\n".join(
            f"{entry.to_json()}" for entry in instance.all_logs(result.run_id)
        )
    return result, logged


def test_32_no_secret_in_logs_reprs_tracebacks_event_logs_or_show_output(
    conn: Conn,
    database_url: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from delivery.claims import SealedKey
    from delivery.posting import prepare_target
    from settings import Settings

    _set(monkeypatch, database_url, tmp_path)
    caplog.set_level(logging.DEBUG)
    run = CliRunner().invoke
    with Receiver(receivers.status("500 Oops")) as receiver:
        added = run(
            cli.app,
            ["endpoints", "add", receiver.url, "--name", "acme", "--signing", "v1,v1a"],
        )
        assert added.exit_code == 0, added.output
        endpoint = list_endpoints(conn)[0]
        found = keys.current_secrets(conn, VAULT, endpoint.endpoint_id)
        conn.commit()
        assert str(endpoint.endpoint_id) in added.output
        assert added.output.count(found["v1"].written) == 1
        assert "whpk_" in added.output
        create_market(conn)
        add_predictions(conn, 3)
        publish_again(conn)
        result, event_log = _deliver()
        assert result.success
        assert len(receiver.requests) == 3
    rotated = run(cli.app, ["endpoints", "rotate", "acme", "--overlap", "24h"])
    assert rotated.exit_code == 0, rotated.output
    newest = secret_of(conn, endpoint.endpoint_id)
    conn.commit()
    assert rotated.output.count(newest) == 1
    again = run(cli.app, ["endpoints", "add", receiver.url, "--name", "acme"])
    shown = [again, run(cli.app, ["endpoints", "list"])]
    json_file = tmp_path / "shown.json"
    shown.append(run(cli.app, ["endpoints", "show", "acme", "--json", str(json_file)]))
    assert [each.exit_code for each in shown] == [0, 0, 0]
    assert "signs until" in shown[-1].output
    assert "whpk_" in shown[-1].output

    sealed = [
        SealedKey(kind, VAULT.seal(secret.written), None, None)
        for kind, secret in found.items()
    ]
    target = prepare_target(receiver.url, sealed, LOOPBACK, VAULT, compat=True)
    reprs = [found, sealed, target, target.signers, VAULT, Settings(), endpoint]
    traces = []
    for bad in (found["v1"].written[:-5], "whsk_" + found["v1"].written):
        try:
            keys.ensure_keys(conn, VAULT, endpoint.endpoint_id, ["v1"], secret=bad)
            decode_secret(bad)
        except Exception:
            traces.append(traceback.format_exc())
    assert len(traces) == 2
    conn.rollback()

    places = {
        "event log": event_log,
        "logs": caplog.text,
        "shown": "".join(each.output for each in shown) + json_file.read_text(),
        "reprs": repr(reprs) + "".join(map(str, reprs)),
        "tracebacks": "".join(traces),
        "database": _stored(conn),
    }
    hidden = [secret.written for secret in found.values()] + [newest, MASTER_KEY]
    for secret in hidden:
        bare = secret.partition("_")[2] if secret.startswith("wh") else secret
        for place, text in places.items():
            assert bare[:-6] not in text, place
    for place, text in places.items():
        assert "authorization" not in text.lower(), place
    rows = conn.execute("select secret_sealed from delivery.endpoint_keys").fetchall()
    assert len(rows) == 3
    assert all(sealed.startswith("gAAAA") for (sealed,) in rows)
    assert one(conn, "select count(secret) from delivery.endpoints") == (0,)


def test_the_job_seals_anew_and_fails_by_name_on_what_it_cannot_open(
    conn: Conn, database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assets.resources import Warehouse
    from delivery.vault import Vault, generate_master_key
    from orchestration.jobs import reencrypt_endpoint_keys

    newest = generate_master_key()
    secret = add_endpoint(conn, "http://127.0.0.1:1/x")[1]
    conn.commit()
    both = f"{newest},{MASTER_KEY}"
    _set(monkeypatch, database_url, tmp_path, DELIVERY__MASTER_KEYS=both)
    given = {"warehouse": Warehouse()}
    assert reencrypt_endpoint_keys.execute_in_process(resources=given).success
    endpoint_id = list_endpoints(conn)[0].endpoint_id
    assert keys.current_secrets(conn, Vault([newest]), endpoint_id) == {"v1": secret}
    conn.commit()
    monkeypatch.setenv("AUSPROPERTY_DELIVERY__MASTER_KEYS", MASTER_KEY)
    with pytest.raises(dg.Failure, match="these endpoints: consumer"):
        reencrypt_endpoint_keys.execute_in_process(resources=given)


def test_32_in_production_nothing_is_delivered_without_master_keys(
    conn: Conn, database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        _set(
            monkeypatch,
            database_url,
            tmp_path,
            ENVIRONMENT="production",
            DELIVERY__MASTER_KEYS="",
        )
        result, event_log = _deliver()
        assert not result.success
        assert "AUSPROPERTY_DELIVERY__MASTER_KEYS must be set" in event_log
        assert not receiver.requests
        monkeypatch.setenv("AUSPROPERTY_DELIVERY__MASTER_KEYS", f'["{MASTER_KEY}"]')
        result, _ = _deliver()
        assert result.success
        assert len(receiver.requests) == 1
    assert not (tmp_path / "delivery.keys").exists()
