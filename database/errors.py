"""Errors of this room, each a sentence that says what to do."""

from __future__ import annotations

from domain.errors import UserError


class DatabaseError(UserError):
    """The database cannot be used; the message says why and what to do."""


class ServerBinariesNotFound(DatabaseError):
    """No usable PostgreSQL program directory was found."""


class ServerStartError(DatabaseError):
    """The embedded server did not become ready."""


class MarketMismatch(DatabaseError):
    """Real and made-up data were about to meet in one database."""
