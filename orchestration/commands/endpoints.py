"""`ausproperty endpoints`: who receives webhooks, and the keys that sign them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

import psycopg
import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, show_list, write_json
from settings import Settings

if TYPE_CHECKING:
    from delivery.endpoints import Endpoint
    from delivery.keys import Key, Kind
    from delivery.vault import Vault

endpoints = typer.Typer(
    help="Receivers of webhooks: add, list, show, pause, resume, remove, rotate keys.",
    no_args_is_help=True,
)

Which = Annotated[str, typer.Argument(metavar="ID_OR_NAME", help="The endpoint.")]
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@endpoints.command()
def add(
    url: Annotated[str, typer.Argument(help="https address that is sent to.")],
    name: Annotated[str, typer.Option(help="Name of the endpoint; its id follows.")],
    types: Annotated[
        str, typer.Option(help="Event types with commas; * for all.")
    ] = "*",
    signing: Annotated[
        str, typer.Option(help="Kinds of signature: v1, v1a or v1,v1a.")
    ] = "v1",
    compat: Annotated[
        bool,
        typer.Option(
            "--compat", help="Send X-Signature-256 too (no replay protection)."
        ),
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Add an endpoint; print its id and, this once, its secret.

    A name that is there already is brought up to date and resumed; its id and keys
    stay, and only keys that are new are shown.
    """
    from delivery.endpoints import register_endpoint
    from delivery.guard import parse_networks
    from delivery.keys import list_keys

    settings = Settings()
    with _opened(settings) as (conn, vault):
        known = {key.key_id for key in _keys_of_name(conn, name)}
        endpoint, secrets = register_endpoint(
            conn,
            name,
            url,
            vault=vault,
            event_types=_words(types),
            kinds=cast("list[Kind]", _words(signing)),
            compat=compat,
            allow_networks=parse_networks(settings.delivery.allow_networks),
        )
        keys = list_keys(conn, endpoint.endpoint_id)
        conn.commit()
    made = [key for key in keys if key.key_id not in known and key.not_after is None]
    told = [_told(key, secrets[key.kind].written) for key in made]
    write_json(
        json_file,
        {"endpoint_id": endpoint.endpoint_id, "name": endpoint.name, "keys": told},
    )
    typer.echo(f"endpoint {endpoint.name}  {endpoint.endpoint_id}")
    if not made:
        typer.echo("it was there already; its keys are as they were")
    for each in told:
        _print_secret(each)


@endpoints.command(name="list")
def list_all(json_file: JsonFile = None) -> None:
    """List endpoints: name, state, address, event types, kinds of signature."""
    from delivery.endpoints import list_endpoints

    with _connected(Settings()) as conn:
        found = list_endpoints(conn)
    show_list(found, _line, json_file, nothing="no endpoints")


@endpoints.command()
def show(which: Which, json_file: JsonFile = None) -> None:
    """Show an endpoint and its keys: kinds, ages, ends, public keys; never a secret."""
    from delivery.endpoints import find_endpoint
    from delivery.keys import list_keys

    with _connected(Settings()) as conn:
        endpoint = find_endpoint(conn, which)
        keys = list_keys(conn, endpoint.endpoint_id)
    write_json(json_file, {**asdict(endpoint), "keys": [asdict(key) for key in keys]})
    typer.echo(_line(endpoint))
    if endpoint.disabled_reason:
        typer.echo(f"  {endpoint.disabled_reason}")
    if endpoint.compat_signature:
        typer.echo("  X-Signature-256 is sent too")
    for key in keys:
        typer.echo(_key_line(key, datetime.now(UTC)))


@endpoints.command()
def rotate(
    which: Which,
    overlap: Annotated[
        str, typer.Option(help="How long older keys go on signing: 0 to 7d, as 24h.")
    ] = "24h",
    kind: Annotated[
        str | None, typer.Option(help="v1 or v1a; the endpoint's first by default.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make a new current key and print its secret, this once.

    Older keys of the kind sign beside it until the overlap ends.
    """
    from delivery import keys as delivery_keys
    from delivery.endpoints import find_endpoint

    with _opened(Settings()) as (conn, vault):
        endpoint = find_endpoint(conn, which)
        chosen = kind or endpoint.signing[0]
        if chosen not in delivery_keys.KINDS:
            raise UserError("A key's kind is v1 or v1a.")
        secret = delivery_keys.rotate(
            conn,
            vault,
            endpoint.endpoint_id,
            cast("Kind", chosen),
            parse_overlap(overlap),
        )
        keys = delivery_keys.list_keys(conn, endpoint.endpoint_id)
        conn.commit()
    new = next(key for key in keys if key.kind == chosen and key.not_after is None)
    told = _told(new, secret.written)
    write_json(json_file, {"endpoint_id": endpoint.endpoint_id, **told})
    _print_secret(told)
    for key in keys:
        if key.kind == chosen and key.not_after is not None and key.in_use:
            typer.echo(
                f"key {key.key_id} signs until {key.not_after:%Y-%m-%d %H:%M %Z}"
            )


@endpoints.command()
def pause(which: Which) -> None:
    """Stop sending to an endpoint; what is open stays parked."""
    from delivery.endpoints import find_endpoint, pause_endpoint

    with _connected(Settings()) as conn:
        endpoint = find_endpoint(conn, which)
        pause_endpoint(conn, endpoint.endpoint_id)
        conn.commit()
    typer.echo(f"{endpoint.name} is paused")


@endpoints.command()
def resume(which: Which) -> None:
    """Send again, parked deliveries too, whatever stopped the endpoint."""
    from delivery.endpoints import find_endpoint, resume_endpoint

    with _connected(Settings()) as conn:
        endpoint = find_endpoint(conn, which)
        resume_endpoint(conn, endpoint.endpoint_id)
        conn.commit()
    typer.echo(f"{endpoint.name} is active")


@endpoints.command()
def remove(which: Which) -> None:
    """Forget an endpoint and its keys; what is open is given up, the log stays."""
    from delivery.endpoints import find_endpoint, remove_endpoint

    with _connected(Settings()) as conn:
        endpoint = find_endpoint(conn, which)
        given_up = remove_endpoint(conn, endpoint.endpoint_id)
        conn.commit()
    typer.echo(f"{endpoint.name} is removed; {given_up:,} open deliveries given up")


@endpoints.command()
def reencrypt() -> None:
    """Seal all keys with the newest master key, after one was put first.

    Ends with 1 if keys are left that no master key opens.
    """
    from delivery import keys

    with _opened(Settings()) as (conn, vault):
        done = keys.reencrypt(conn, vault)
    typer.echo(f"{done.sealed_anew:,} of {done.keys:,} keys sealed anew")
    for name in done.unreadable:
        typer.echo(f"{name}: no master key opens a key of it", err=True)
    raise typer.Exit(1 if done.unreadable else 0)


def parse_overlap(written: str) -> timedelta:
    """A span such as `90s`, `30m`, `24h`, `7d`, or `0`.

    Raises:
        UserError: it is not written so.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])|0", written.strip())
    if found is None:
        raise UserError(f"An overlap is written as 24h or 7d, not {written!r}.")
    if found[1] is None:
        return timedelta(0)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@contextmanager
def _connected(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    from assets.warehouse import prepare_warehouse
    from database.connections import connect

    with connect(prepare_warehouse(settings)) as conn:
        yield conn


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[psycopg.Connection[Any], Vault]]:
    from assets.vault import open_vault

    vault = open_vault(settings)
    with _connected(settings) as conn:
        yield conn, vault


def _keys_of_name(conn: psycopg.Connection[Any], name: str) -> list[Key]:
    from delivery.endpoints import list_endpoints
    from delivery.keys import list_keys

    return [
        key
        for endpoint in list_endpoints(conn)
        if endpoint.name == name
        for key in list_keys(conn, endpoint.endpoint_id)
    ]


def _words(written: str) -> list[str]:
    return [word for part in written.split(",") if (word := part.strip())]


def _told(key: Key, secret: str) -> dict[str, Any]:
    """A new key as its owner is told of it; the public key instead, if there is one."""
    told: dict[str, Any] = {"key_id": key.key_id, "kind": key.kind}
    if key.public_key is not None:
        return {**told, "public_key": key.public_key}
    return {**told, "secret": secret}


def _print_secret(told: dict[str, Any]) -> None:
    if "public_key" in told:
        typer.echo(f"{told['kind']} public key  {told['public_key']}")
    else:
        typer.echo(f"{told['kind']} secret  {told['secret']}  (not shown again)")


def _line(endpoint: Endpoint) -> str:
    return (
        f"{endpoint.name}  {endpoint.endpoint_id}  {endpoint.status}  {endpoint.url}  "
        f"{','.join(endpoint.event_types)}  {','.join(endpoint.signing)}"
    )


def _key_line(key: Key, now: datetime) -> str:
    age = now - key.created_at
    text = f"  key {key.key_id}  {key.kind}  {age.days} d old  "
    if key.not_after is None:
        text += "current" if key.in_use else "not in use"
    else:
        verb = "signs until" if key.in_use else "ended"
        text += f"{verb} {key.not_after:%Y-%m-%d %H:%M %Z}"
    return text + (f"  {key.public_key}" if key.public_key else "")
