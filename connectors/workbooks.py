"""What every reader of workbooks needs: damage as an error that can be told.

Belongs here: how the reading library fails. What is read of a sheet is each
connector's own affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn whatever a damaged workbook makes of the library into ValueError.

    The library is written in Rust, and a damaged file can make it panic: that comes as
    a `BaseException`, which would pass every handler up to the end of the process.
    """
    from python_calamine import CalamineError

    try:
        yield
    except CalamineError as error:
        raise ValueError(str(error)[:300] or type(error).__name__) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError("its structure is broken") from error
