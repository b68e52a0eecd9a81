"""A receiver made ready: its keys are opened once, and left out when they end."""

from __future__ import annotations

import secrets
import time

import pytest

from delivery.claims import SealedKey
from delivery.posting import KeysUnusable, prepare_target
from delivery.signing import generate_secret
from delivery.vault import Vault, generate_master_key
from tests.delivery_seed import LOOPBACK, VAULT

URL = "http://127.0.0.1:8080/x"


def _key(vault: Vault = VAULT, expires: float | None = None) -> SealedKey:
    written = generate_secret(secrets.token_bytes)
    return SealedKey("v1", vault.seal(written), expires, None)


def test_28_a_key_that_has_ended_signs_no_more_though_nothing_was_read_anew() -> None:
    ends = time.monotonic() + 0.2
    target = prepare_target(URL, [_key(), _key(expires=ends)], LOOPBACK, VAULT)
    both = target.headers("evt_1", 7, b"{}")["webhook-signature"].split(" ")
    time.sleep(ends - time.monotonic() + 0.01)
    assert target.headers("evt_1", 7, b"{}")["webhook-signature"] == both[0]
    assert len(both) == 2


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([], "no current signing key"),
        ([_key(expires=1e12)], "no current signing key"),
        ([_key(), _key(Vault([generate_master_key()]), 1e12)], "cannot be decrypted"),
    ],
)
def test_without_usable_keys_there_is_no_target(
    keys: list[SealedKey], reason: str
) -> None:
    with pytest.raises(KeysUnusable, match=reason):
        prepare_target(URL, keys, LOOPBACK, VAULT)


def test_a_rotation_changes_a_receiver_and_a_new_reading_alone_does_not() -> None:
    sealed = VAULT.seal(generate_secret(secrets.token_bytes))
    read = SealedKey("v1", sealed, 5.0, "2026-01-01T00:00:00Z")
    assert read == SealedKey("v1", sealed, 5.001, "2026-01-01T00:00:00Z")
    assert read != SealedKey("v1", sealed, 5.0, "2026-01-02T00:00:00Z")
    assert read != SealedKey("v1", sealed, None, None)
