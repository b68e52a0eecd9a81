"""Signing keys of endpoints: made, rotated, sealed, sealed anew. SQL and no wire.

One key of each kind is current (`not_after` is null); rotating gives it an end, after
which it signs no more. All times are the database's. Nothing here commits, unless it
says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from delivery import signing
from delivery.vault import Unreadable, Vault
from domain.errors import UserError

Kind = Literal["v1", "v1a"]
KINDS: tuple[Kind, ...] = ("v1", "v1a")
LONGEST_OVERLAP = timedelta(days=7)
BATCH = 100
# Any fixed number: two processes must not both move the same plain secrets.
_LOCK = 7_240_008

RandomBytes = Callable[[int], bytes]


class KeyRefused(UserError):
    """A key that cannot be made or rotated, with the reason."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret that does not show itself in logs or tracebacks."""

    written: str = field(repr=False)

    def __str__(self) -> str:
        return "whsec_***"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it may be shown: never its secret. `public_key` is that of v1a."""

    key_id: int
    kind: str
    public_key: str | None
    created_at: datetime
    not_after: datetime | None
    in_use: bool


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """What `reencrypt` found.

    Attributes:
        keys: how many there are.
        sealed_anew: how many this call sealed with the newest master key.
        unreadable: endpoints with keys that no master key opens; left as they are.
    """

    keys: int
    sealed_anew: int
    unreadable: list[str]


def ensure_keys(
    conn: psycopg.Connection[Any],
    vault: Vault,
    endpoint_id: UUID,
    kinds: list[Kind],
    *,
    secret: str | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> None:
    """Make a current key of each kind that has none.

    Args:
        conn: in a transaction of the caller's, with the endpoint's row locked.
        vault: seals what is made.
        endpoint_id: whose keys.
        kinds: the kinds needed.
        secret: written secret of the v1 key, if one is made; a fresh one by default.
        random_bytes: source of fresh keys.

    Raises:
        signing.InvalidSecret: a secret the standard does not allow.
    """
    rows = conn.execute(
        "select kind from delivery.endpoint_keys"
        " where endpoint_id = %s and not_after is null",
        [endpoint_id],
    ).fetchall()
    have = {kind for (kind,) in rows}
    for kind in kinds:
        if kind not in have:
            given = secret if kind == "v1" else None
            _insert(
                conn, vault, endpoint_id, kind, given or _generate(kind, random_bytes)
            )


def rotate(
    conn: psycopg.Connection[Any],
    vault: Vault,
    endpoint_id: UUID,
    kind: Kind,
    overlap: timedelta,
    *,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Secret:
    """Make a new current key; older ones of the kind end after `overlap` or sooner.

    An endpoint that was not sent this kind is from now on, beside the others.

    Raises:
        KeyRefused: an overlap below 0 or above 7 days, or an unknown endpoint.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise KeyRefused("An overlap is 0 to 7 days, such as 24h or 7d.")
    # Locked, so that rotations at once follow each other.
    found = conn.execute(
        "update delivery.endpoints set updated_at = now(), signing ="
        " case when %(kind)s = any(signing) then signing else signing || %(kind)s end"
        " where endpoint_id = %(id)s and removed_at is null",
        {"kind": kind, "id": endpoint_id},
    ).rowcount
    if not found:
        raise KeyRefused("There is no such endpoint.")
    # The clock, not the transaction's start: it may have waited for another rotation.
    conn.execute(
        "update delivery.endpoint_keys set not_after = least("
        "    coalesce(not_after, 'infinity'), clock_timestamp() + %s)"
        " where endpoint_id = %s and kind = %s",
        [overlap, endpoint_id, kind],
    )
    written = _generate(kind, random_bytes)
    _insert(conn, vault, endpoint_id, kind, written)
    return Secret(written)


def list_keys(conn: psycopg.Connection[Any], endpoint_id: UUID) -> list[Key]:
    """An endpoint's keys, the current and newest first."""
    with conn.cursor(row_factory=class_row(Key)) as cursor:
        cursor.execute(
            "select key_id, kind, public_key, k.created_at, not_after,"
            "    kind = any(signing) and (not_after is null or not_after > now())"
            "    as in_use"
            " from delivery.endpoint_keys as k join delivery.endpoints as e"
            "    using (endpoint_id)"
            " where endpoint_id = %s"
            " order by kind, not_after desc nulls first, key_id desc",
            [endpoint_id],
        )
        return cursor.fetchall()


def current_secrets(
    conn: psycopg.Connection[Any], vault: Vault, endpoint_id: UUID
) -> dict[str, Secret]:
    """Written secrets by kind, of the current keys.

    Raises:
        vault.Unreadable: no master key opens one of them.
    """
    rows = conn.execute(
        "select kind, secret_sealed from delivery.endpoint_keys"
        " where endpoint_id = %s and not_after is null order by kind",
        [endpoint_id],
    ).fetchall()
    return {kind: Secret(vault.open(sealed)) for kind, sealed in rows}


def delete_keys(conn: psycopg.Connection[Any], endpoint_id: UUID) -> None:
    """Forget all keys of an endpoint."""
    conn.execute(
        "delete from delivery.endpoint_keys where endpoint_id = %s", [endpoint_id]
    )


def reencrypt(conn: psycopg.Connection[Any], vault: Vault) -> Reencrypted:
    """Seal with the newest master key whatever an older one sealed.

    Commits batch by batch: stopped at any point, the next call does the rest.
    """
    total = changed = last = 0
    unreadable: set[str] = set()
    while True:
        rows = conn.execute(
            "select key_id, e.name, secret_sealed from delivery.endpoint_keys"
            " join delivery.endpoints as e using (endpoint_id)"
            " where key_id > %s order by key_id limit %s",
            [last, BATCH],
        ).fetchall()
        for key_id, name, sealed in rows:
            if vault.is_newest(sealed):
                continue
            try:
                plain = vault.open(sealed)
            except Unreadable:
                unreadable.add(name)
                continue
            changed += conn.execute(
                "update delivery.endpoint_keys set secret_sealed = %s"
                " where key_id = %s and secret_sealed = %s",
                [vault.seal(plain), key_id, sealed],
            ).rowcount
        conn.commit()
        total += len(rows)
        if len(rows) < BATCH:
            return Reencrypted(total, changed, sorted(unreadable))
        last = rows[-1][0]


def has_plain_secrets(conn: psycopg.Connection[Any]) -> bool:
    """Whether secrets of before revision 0008 wait for `seal_plain_secrets`."""
    row = conn.execute(
        "select exists (select from delivery.endpoints where secret is not null)"
    ).fetchone()
    return row is not None and bool(row[0])


def seal_plain_secrets(conn: psycopg.Connection[Any], vault: Vault) -> int:
    """Move secrets of before revision 0008 into sealed keys; returns how many.

    Commits. The table is rewritten after, so that no page of it keeps the old rows.
    """
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        rows = conn.execute(
            "select endpoint_id, secret from delivery.endpoints"
            " where secret is not null for update"
        ).fetchall()
        for endpoint_id, secret in rows:
            conn.execute(
                "update delivery.endpoints set secret = null where endpoint_id = %s",
                [endpoint_id],
            )
            try:
                ensure_keys(conn, vault, endpoint_id, ["v1"], secret=secret)
            except signing.InvalidSecret:
                # It never signed anything, and must not stop every command.
                conn.execute(
                    "update delivery.endpoints set status = 'disabled',"
                    " disabled_reason = 'Its signing secret was not one; rotate it.'"
                    " where endpoint_id = %s",
                    [endpoint_id],
                )
    conn.commit()
    if rows:
        before, conn.autocommit = conn.autocommit, True
        conn.execute("vacuum (full) delivery.endpoints")
        conn.autocommit = before
    return len(rows)


def _generate(kind: str, random_bytes: RandomBytes) -> str:
    if kind == "v1a":
        return signing.generate_private_key(random_bytes)
    return signing.generate_secret(random_bytes)


def _insert(
    conn: psycopg.Connection[Any],
    vault: Vault,
    endpoint_id: UUID,
    kind: str,
    written: str,
) -> None:
    if kind == "v1":
        signing.decode_secret(written)
    public = signing.public_key(written) if kind == "v1a" else None
    conn.execute(
        "insert into delivery.endpoint_keys"
        " (endpoint_id, kind, secret_sealed, public_key) values (%s, %s, %s, %s)",
        [endpoint_id, kind, vault.seal(written), public],
    )
