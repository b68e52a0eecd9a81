"""Endpoints: who receives which events, where, and in which kinds of signature.

Registration is idempotent by name. Keys are `keys.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import class_row

from delivery.events import EVENT_SCHEMAS
from delivery.guard import Networks, check_url
from delivery.keys import (
    KINDS,
    Kind,
    Secret,
    current_secrets,
    delete_keys,
    ensure_keys,
)
from delivery.signing import decode_secret
from delivery.vault import Vault
from domain.errors import UserError

ENDPOINT_NAMESPACE = UUID("1204ff26-06cd-4c86-a9b4-e23d5fd62635")
ALL_EVENTS = "*"
PAUSED = "Paused by hand."
_COLUMNS = (
    "endpoint_id, name, url, event_types, retry_policy, status, disabled_reason,"
    " signing, compat_signature, created_at"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered receiver, without its keys."""

    endpoint_id: UUID
    name: str
    url: str
    event_types: list[str]
    retry_policy: str
    status: str
    disabled_reason: str | None
    signing: list[str]
    compat_signature: bool
    created_at: datetime


class EndpointError(UserError):
    """A registration that cannot be accepted, with the reason."""


def register_endpoint(
    conn: psycopg.Connection[Any],
    name: str,
    url: str,
    *,
    vault: Vault,
    event_types: Sequence[str] = (ALL_EVENTS,),
    retry_policy: str = "standard",
    kinds: Sequence[Kind] = ("v1",),
    compat: bool = False,
    allow_networks: Networks = (),
    secret: str | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Endpoint, dict[str, Secret]]:
    """Add an endpoint, or bring the one of that name up to date and active.

    A known endpoint keeps its id and its keys, whatever changes. Does not commit.

    Args:
        conn: in a transaction of the caller's.
        name: the endpoint's own name; its id is derived from it.
        url: see `guard.check_url`.
        vault: seals the keys.
        event_types: catalogue types, or `*` for all.
        retry_policy: a policy of `delivery.retry_schedule`.
        kinds: kinds of signature to send, `v1`, `v1a` or both.
        compat: send `X-Signature-256` too; needs `v1`.
        allow_networks: non-public networks that may be sent to.
        secret: written v1 secret of a new endpoint; a fresh one by default.
        random_bytes: source of fresh keys.

    Returns:
        The endpoint, and its current secrets by kind.

    Raises:
        EndpointError: unknown event type, retry policy or kind.
        guard.UnsafeUrl: a URL that is never sent to.
        signing.InvalidSecret: a secret the standard does not allow.
        vault.Unreadable: a known endpoint's key is sealed by another master key.
    """
    check_url(url, allow_networks)
    _check_choices(conn, event_types, retry_policy)
    ordered = [kind for kind in KINDS if kind in kinds]
    if not ordered or set(kinds) - set(KINDS):
        raise EndpointError(f"Kinds of signature are {' and '.join(KINDS)}.")
    if compat and "v1" not in ordered:
        raise EndpointError("The compatibility signature needs the v1 secret.")
    if secret is not None:
        decode_secret(secret)
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        cursor.execute(
            "insert into delivery.endpoints as e"  # noqa: S608 a constant
            "    (endpoint_id, name, url, event_types,"
            "    retry_policy, signing, compat_signature)"
            " values (%s, %s, %s, %s, %s, %s, %s)"
            " on conflict (name) do update set"
            "    url = excluded.url, event_types = excluded.event_types,"
            "    retry_policy = excluded.retry_policy, signing = excluded.signing,"
            "    compat_signature = excluded.compat_signature, removed_at = null,"
            "    status = 'active', disabled_reason = null, updated_at = now()"
            f" returning {_COLUMNS}",
            [
                uuid5(ENDPOINT_NAMESPACE, name),
                name,
                url,
                list(event_types),
                retry_policy,
                ordered,
                compat,
            ],
        )
        endpoint = cursor.fetchone()
    assert endpoint is not None
    ensure_keys(
        conn,
        vault,
        endpoint.endpoint_id,
        ordered,
        secret=secret,
        random_bytes=random_bytes,
    )
    return endpoint, current_secrets(conn, vault, endpoint.endpoint_id)


def _check_choices(
    conn: psycopg.Connection[Any], event_types: Sequence[str], retry_policy: str
) -> None:
    unknown = sorted(set(event_types) - EVENT_SCHEMAS.keys() - {ALL_EVENTS})
    if unknown or not event_types:
        raise EndpointError(
            f"Unknown event types: {', '.join(unknown) or 'none given'}. Choose from "
            f"{', '.join([ALL_EVENTS, *EVENT_SCHEMAS])}."
        )
    known = conn.execute(
        "select 1 from delivery.retry_schedule where policy = %s limit 1",
        [retry_policy],
    ).fetchone()
    if known is None:
        raise EndpointError(f"There is no retry policy {retry_policy!r}.")


def disable_endpoint(conn: psycopg.Connection[Any], name: str, reason: str) -> bool:
    """Stop sending to an endpoint; its open deliveries stay parked. False if unknown.

    Registering the name again makes it active.
    """
    cursor = conn.execute(
        "update delivery.endpoints set status = 'disabled', disabled_reason = %s,"
        " updated_at = now() where name = %s",
        [reason, name],
    )
    return cursor.rowcount == 1


def pause_endpoint(conn: psycopg.Connection[Any], endpoint_id: UUID) -> None:
    """Stop sending until `resume_endpoint`; open deliveries stay parked."""
    conn.execute(
        "update delivery.endpoints set status = 'disabled', disabled_reason = %s,"
        " updated_at = now() where endpoint_id = %s and status = 'active'",
        [PAUSED, endpoint_id],
    )


def resume_endpoint(conn: psycopg.Connection[Any], endpoint_id: UUID) -> None:
    """Send again, the parked deliveries too, whatever stopped it."""
    conn.execute(
        "update delivery.endpoints set status = 'active', disabled_reason = null,"
        " updated_at = now() where endpoint_id = %s and removed_at is null",
        [endpoint_id],
    )


def remove_endpoint(conn: psycopg.Connection[Any], endpoint_id: UUID) -> int:
    """Forget an endpoint's keys and give up what is open; returns how many that were.

    Its row and the log of attempts stay. The name may be registered again.
    """
    conn.execute(
        "update delivery.endpoints set status = 'disabled', disabled_reason ="
        " 'Removed.', removed_at = now(), updated_at = now() where endpoint_id = %s",
        [endpoint_id],
    )
    delete_keys(conn, endpoint_id)
    return conn.execute(
        "update delivery.deliveries set status = 'dead', leased_until = null,"
        " lease_owner = null, last_error = 'The endpoint was removed.'"
        " where endpoint_id = %s and status in ('pending', 'failed')",
        [endpoint_id],
    ).rowcount


def find_endpoint(conn: psycopg.Connection[Any], id_or_name: str) -> Endpoint:
    """An endpoint by its id or its name.

    Raises:
        EndpointError: there is none, with the names there are.
    """
    endpoints = list_endpoints(conn)
    for endpoint in endpoints:
        if id_or_name in (endpoint.name, str(endpoint.endpoint_id)):
            return endpoint
    names = ", ".join(endpoint.name for endpoint in endpoints) or "none"
    raise EndpointError(f"There is no endpoint {id_or_name!r}; there are: {names}.")


def list_endpoints(conn: psycopg.Connection[Any]) -> list[Endpoint]:
    """All endpoints by name, removed ones left out."""
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        cursor.execute(
            f"select {_COLUMNS} from delivery.endpoints"  # noqa: S608 a constant
            " where removed_at is null order by name"
        )
        return cursor.fetchall()
