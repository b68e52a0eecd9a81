"""From settings to the vault that opens endpoints' signing keys.

Master keys are never in the database: they come from the environment, and for
development from a file in the home.
"""

from __future__ import annotations

import logging
import os
import uuid
from pathlib import Path

from delivery.vault import Vault, VaultError, generate_master_key
from settings import Settings

FILE_NAME = "delivery.keys"
_STRICT = ("production", "high_load")


def open_vault(settings: Settings) -> Vault:
    """The vault of the configured master keys.

    Raises:
        VaultError: a key is malformed, or none is set where one must be.
    """
    if keys := settings.delivery.master_key_list:
        return Vault(keys)
    if settings.environment in _STRICT:
        raise VaultError(
            f"In {settings.environment} AUSPROPERTY_DELIVERY__MASTER_KEYS must be set: "
            "it seals endpoints' secrets. `python -c \"import base64, os; "
            'print(base64.urlsafe_b64encode(os.urandom(32)).decode())"` makes one.'
        )
    return Vault(_keys_of_home(settings.home.absolute() / FILE_NAME))


def _keys_of_home(file: Path) -> list[str]:
    """The keys in a file, one a line; the file is made if it is missing."""
    if not file.exists():
        _make(file)
    return file.read_text(encoding="ascii").split()


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(generate_master_key() + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        # A link, unlike a rename, never replaces the key of a process that was first.
        os.link(partial, file)
    except FileExistsError:
        return
    finally:
        partial.unlink()
    logging.getLogger(__name__).warning(
        "Made %s: it seals the secrets of webhook endpoints. Keep a copy apart from "
        "the database's backups, or set AUSPROPERTY_DELIVERY__MASTER_KEYS.",
        file,
    )
