"""Secrets at rest: master keys, sealing anew, and what cannot be opened."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

import cli
from assets.vault import open_vault
from assets.warehouse import seal_old_secrets
from delivery import keys
from delivery.backlog import has_claimable
from delivery.endpoints import find_endpoint, list_endpoints, register_endpoint
from delivery.sender import run_drain
from delivery.signing import generate_secret
from delivery.vault import Unreadable, Vault, VaultError, generate_master_key
from orchestration.commands.endpoints import parse_overlap
from settings import Delivery, Settings
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
)
from tests.webhook_receivers import Receiver

Conn = psycopg.Connection[Any]


def test_an_unreadable_key_parks_its_endpoint_alone_until_the_key_is_back(
    conn: Conn, database_url: str
) -> None:
    other = generate_master_key()
    with Receiver() as lost, Receiver() as well:
        register_endpoint(
            conn, "lost", lost.url, vault=Vault([other]), allow_networks=LOOPBACK
        )
        publish(conn, 3, well.url, "well")
        options = {"allow_networks": LOOPBACK, "limits": QUICK}
        result = run_drain(database_url, vault=VAULT, **options)
        assert (result.delivered, result.failed, len(well.ids())) == (3, 0, 3)
        assert not lost.requests
        endpoint = find_endpoint(conn, "lost")
        assert endpoint.status == "disabled"
        assert "cannot be decrypted" in (endpoint.disabled_reason or "")
        assert not has_claimable(conn)
        assert one(
            conn,
            "select sum(attempts), count(*) from delivery.deliveries"
            " where status = 'pending'",
        ) == (0, 3)

        from delivery.endpoints import resume_endpoint

        resume_endpoint(conn, endpoint.endpoint_id)
        conn.commit()
        both = Vault([MASTER_KEY, other])
        assert run_drain(database_url, vault=both, **options).delivered == 3
    assert len(lost.ids()) == 3


def test_an_endpoint_without_a_key_is_parked_and_never_sent_to_unsigned(
    conn: Conn, database_url: str
) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        conn.execute("delete from delivery.endpoint_keys")
        conn.commit()
        run_drain(database_url, vault=VAULT, allow_networks=LOOPBACK, limits=QUICK)
        assert not receiver.requests
    assert "no current signing key" in (list_endpoints(conn)[0].disabled_reason or "")


def _many_keys(conn: Conn) -> dict[int, str]:
    """So many keys that they take several batches; secrets by id."""
    endpoint, _ = add_endpoint(conn, "http://127.0.0.1:1/x", kinds=["v1", "v1a"])
    for _ in range(2 * keys.BATCH + 20):
        keys.rotate(conn, VAULT, endpoint.endpoint_id, "v1", timedelta(days=7))
    conn.commit()
    return _secrets(conn, VAULT)


def _secrets(conn: Conn, vault: Vault) -> dict[int, str]:
    rows = conn.execute("select key_id, secret_sealed from delivery.endpoint_keys")
    found = {key_id: vault.open(sealed) for key_id, sealed in rows.fetchall()}
    conn.commit()
    return found


def test_sealing_anew_stopped_half_way_goes_on_and_then_has_nothing_to_do(
    conn: Conn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _many_keys(conn)
    newest = generate_master_key()
    vault = Vault([newest, MASTER_KEY])
    seal, sealed = vault.seal, []

    def die_late(plain: str) -> str:
        sealed.append(plain)
        if len(sealed) > keys.BATCH + 10:
            raise KeyboardInterrupt
        return seal(plain)

    monkeypatch.setattr(vault, "seal", die_late)
    with pytest.raises(KeyboardInterrupt), psycopg.connect(database_url) as killed:
        keys.reencrypt(killed, vault)
    monkeypatch.undo()
    # In between both kinds stand side by side, and all can be opened.
    assert _secrets(conn, vault) == before
    with pytest.raises(Unreadable):
        _secrets(conn, Vault([newest]))
    conn.rollback()

    rest = len(before) - keys.BATCH
    assert keys.reencrypt(conn, vault) == keys.Reencrypted(len(before), rest, [])
    assert _secrets(conn, Vault([newest])) == before
    assert keys.reencrypt(conn, vault).sealed_anew == 0


def test_sealing_anew_leaves_what_it_cannot_open_and_names_it(conn: Conn) -> None:
    add_endpoint(conn, "http://127.0.0.1:1/x", "mine")
    foreign = Vault([generate_master_key()])
    register_endpoint(
        conn, "lost", "https://a.example/x", vault=foreign, allow_networks=LOOPBACK
    )
    conn.commit()
    done = keys.reencrypt(conn, Vault([generate_master_key(), MASTER_KEY]))
    assert done == keys.Reencrypted(2, 1, ["lost"])


def test_secrets_of_an_older_version_are_sealed_and_still_sign(
    conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = generate_secret(lambda n: b"s" * n)
    with Receiver() as receiver:
        publish(conn, 2, receiver.url)
        _as_of_revision_7(conn, secret)
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(
                "insert into delivery.endpoints (endpoint_id, name, url, secret)"
                " values (gen_random_uuid(), 'x', 'x', 'plain')"
            )
        conn.rollback()
        monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
        monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
        # Two commands at once, as after an upgrade.
        threads = [
            threading.Thread(target=_seal, args=[database_url]) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        vault = open_vault(Settings())
        assert list(_secrets(conn, vault).values()) == [secret]
        assert one(conn, "select count(secret) from delivery.endpoints") == (0,)
        run_drain(database_url, vault=vault, allow_networks=LOOPBACK, limits=QUICK)
    assert len(receiver.requests) == 2
    for request in receiver.requests:
        Webhook(secret).verify(request.body, request.headers)


def _seal(database_url: str) -> None:
    with psycopg.connect(database_url) as own:
        seal_old_secrets(Settings(), own)


def _as_of_revision_7(conn: Conn, secret: str) -> None:
    """The endpoint as the migration finds and leaves it."""
    conn.execute("delete from delivery.endpoint_keys")
    rule = "constraint endpoints_no_plain_secret"
    conn.execute(f"alter table delivery.endpoints drop {rule}")
    conn.execute("update delivery.endpoints set secret = %s", [secret])
    conn.execute(
        f"alter table delivery.endpoints add {rule} check (secret is null) not valid"
    )
    conn.commit()


def test_in_production_an_older_secret_is_not_left_unnoticed(
    conn: Conn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_endpoint(conn, "http://127.0.0.1:1/x")
    _as_of_revision_7(conn, generate_secret(lambda n: b"s" * n))
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_ENVIRONMENT", "production")
    ended = CliRunner().invoke(cli.app, ["db", "migrate"])
    assert isinstance(ended.exception, VaultError)


def test_development_makes_one_key_file_once_for_all_processes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    settings = Settings(home=tmp_path / "new")
    found: list[Vault] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_vault(settings)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = found[0].seal("x")
    assert [vault.open(sealed) for vault in found] == ["x"] * 8
    (file,) = (tmp_path / "new").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert caplog.text.count("Made ") == 1
    assert file.read_text().strip() not in caplog.text


def test_master_keys_are_read_with_commas_or_as_a_list_and_never_shown() -> None:
    keys_ = [generate_master_key() for _ in range(2)]
    for written in (", ".join(keys_), json.dumps(keys_)):
        settings = Delivery(master_keys=written)
        assert settings.master_key_list == keys_
        assert keys_[0] not in repr(settings)
    with pytest.raises(VaultError) as refused:
        Vault([keys_[0], keys_[1][:-3]])
    assert "Master key 2 of 2" in str(refused.value)
    assert keys_[1][:-3] not in str(refused.value)


def test_paused_removed_and_added_again(
    conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE_URL": database_url,
        "HOME": str(tmp_path),
        "DELIVERY__MASTER_KEYS": MASTER_KEY,
        "DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
    }.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)

    def run(*arguments: str) -> str:
        ended = CliRunner().invoke(cli.app, ["endpoints", *arguments])
        assert ended.exit_code == 0, ended.output
        conn.rollback()
        return ended.output

    def drain() -> int:
        return run_drain(
            database_url, vault=VAULT, allow_networks=LOOPBACK, limits=QUICK
        ).delivered

    with Receiver() as receiver:
        file = tmp_path / "added.json"
        run("add", receiver.url, "--name", "acme", "--json", str(file))
        told = json.loads(file.read_text())
        create_market(conn)
        add_predictions(conn, 2)
        from delivery.outbox import publish_predictions

        publish_predictions(conn)
        conn.commit()
        run("pause", "acme")
        assert drain() == 0
        run("resume", told["endpoint_id"])
        assert drain() == 2
        Webhook(told["keys"][0]["secret"]).verify(
            receiver.requests[0].body, receiver.requests[0].headers
        )
        assert "is removed" in run("remove", "acme")
        assert run("list").strip() == "no endpoints"
        assert one(conn, "select count(*) from delivery.endpoint_keys") == (0,)
        again = run("add", receiver.url, "--name", "acme")
        assert told["endpoint_id"] in again
        assert "whsec_" in again
        assert told["keys"][0]["secret"] not in again
        assert "0 of 1 keys" in run("reencrypt")


@pytest.mark.parametrize("written", ["", "24", "-1h", "1w", "h", "1.5h"])
def test_overlaps_are_written_with_a_unit(written: str) -> None:
    assert parse_overlap("0") == timedelta(0)
    assert parse_overlap("90m") == timedelta(minutes=90)
    assert parse_overlap("7d") == timedelta(days=7)
    with pytest.raises(Exception, match="written as 24h"):
        parse_overlap(written)
