"""Endpoints: who receives which events, where, and with which secret.

Registration is idempotent by name. Secrets leave this module twice only: to the caller
of `register_endpoint`, and to the sender that signs with them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import class_row

from delivery.events import EVENT_SCHEMAS
from delivery.guard import Networks, check_url
from delivery.signing import decode_secret, generate_secret
from domain.errors import UserError

ENDPOINT_NAMESPACE = UUID("1204ff26-06cd-4c86-a9b4-e23d5fd62635")
ALL_EVENTS = "*"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered receiver, without its secret."""

    endpoint_id: UUID
    name: str
    url: str
    event_types: list[str]
    retry_policy: str
    status: str
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret that does not show itself in logs or tracebacks."""

    written: str = field(repr=False)

    def __str__(self) -> str:
        return "whsec_***"


class EndpointError(UserError):
    """A registration that cannot be accepted, with the reason."""


def register_endpoint(
    conn: psycopg.Connection[Any],
    name: str,
    url: str,
    *,
    event_types: Sequence[str] = (ALL_EVENTS,),
    retry_policy: str = "standard",
    allow_networks: Networks = (),
    secret: str | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Endpoint, Secret]:
    """Add an endpoint, or bring the one of that name up to date and active.

    A known endpoint keeps its id and its secret, whatever changes. Does not commit.

    Args:
        conn: in a transaction of the caller's.
        name: the endpoint's own name; its id is derived from it.
        url: see `guard.check_url`.
        event_types: catalogue types, or `*` for all.
        retry_policy: a policy of `delivery.retry_schedule`.
        allow_networks: non-public networks that may be sent to.
        secret: written secret of a new endpoint; a fresh one by default.
        random_bytes: source of a fresh secret.

    Raises:
        EndpointError: unknown event type or retry policy.
        guard.UnsafeUrl: a URL that is never sent to.
        signing.InvalidSecret: a secret the standard does not allow.
    """
    check_url(url, allow_networks)
    _check_choices(conn, event_types, retry_policy)
    if secret is not None:
        decode_secret(secret)
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        cursor.execute(
            "insert into delivery.endpoints as e"
            " (endpoint_id, name, url, event_types, secret, retry_policy)"
            " values (%s, %s, %s, %s, %s, %s)"
            " on conflict (name) do update set"
            "    url = excluded.url, event_types = excluded.event_types,"
            "    retry_policy = excluded.retry_policy,"
            "    status = 'active', disabled_reason = null, updated_at = now()"
            " returning endpoint_id, name, url, event_types, retry_policy, status,"
            "    disabled_reason",
            [
                uuid5(ENDPOINT_NAMESPACE, name),
                name,
                url,
                list(event_types),
                secret or generate_secret(random_bytes),
                retry_policy,
            ],
        )
        endpoint = cursor.fetchone()
    assert endpoint is not None
    return endpoint, Secret(_stored_secret(conn, endpoint.endpoint_id))


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


def _stored_secret(conn: psycopg.Connection[Any], endpoint_id: UUID) -> str:
    row = conn.execute(
        "select secret from delivery.endpoints where endpoint_id = %s", [endpoint_id]
    ).fetchone()
    assert row is not None
    return str(row[0])


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


def list_endpoints(conn: psycopg.Connection[Any]) -> list[Endpoint]:
    """All endpoints by name."""
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        cursor.execute(
            "select endpoint_id, name, url, event_types, retry_policy, status,"
            "    disabled_reason from delivery.endpoints order by name"
        )
        return cursor.fetchall()
