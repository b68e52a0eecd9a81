"""Secrets at rest: sealed by the newest master key, opened by any (MultiFernet).

Where master keys come from is the composition root's; what is sealed is `keys.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import UserError


class VaultError(UserError):
    """Master keys that cannot be used. Never quotes one."""


class Unreadable(VaultError):
    """A sealed text that none of the master keys opens."""


def generate_master_key() -> str:
    """A new master key: 32 random bytes, as base64 for URLs."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode("ascii")


class Vault:
    """Seals and opens short texts. Shows nothing of its master keys.

    Args:
        master_keys: newest first; each as `generate_master_key` writes it.

    Raises:
        VaultError: none given, or one that is not a key.
    """

    def __init__(self, master_keys: Sequence[str]) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        if not master_keys:
            raise VaultError("There is no master key.")
        keys = []
        for number, written in enumerate(master_keys, 1):
            try:
                keys.append(Fernet(written))
            except (ValueError, TypeError):
                # `from None`: the cause's traceback would hold the key.
                raise VaultError(
                    f"Master key {number} of {len(master_keys)} is not 32 bytes in "
                    "base64 for URLs."
                ) from None
        self._newest = keys[0]
        self._any = MultiFernet(keys)

    def seal(self, plain: str) -> str:
        """Ciphertext, ASCII; another one each time."""
        return self._newest.encrypt(plain.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """What was sealed.

        Raises:
            Unreadable: sealed by another master key, or damaged.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._any.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unreadable(
                "No configured master key opens it; add the one it was sealed with."
            ) from None

    def is_newest(self, sealed: str) -> bool:
        """Whether the newest master key sealed it."""
        from cryptography.fernet import InvalidToken

        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True
