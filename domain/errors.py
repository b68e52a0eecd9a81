"""Errors a person can act on.

Belongs here: the types that carry a sentence for the user from any room to the command
line. Elsewhere: refused rows and files are data, not errors (`domain.records.Reject`).
"""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend; the message is one sentence that says what to do."""


class PermanentError(UserError):
    """A failure that trying again cannot mend: the input or the set-up must change.

    Orchestration retries other errors and never this one.
    """
