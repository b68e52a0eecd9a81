"""Reference sets: localities, addresses, land values, indexes, rates and medians.

A set is one small module (`bind` recognises a file and says how its rows are read) and
one line in `catalogue`. Everything about releases is shared: `releases` forms them,
`database.releases` decides which one readers see. To add a set, write its module, its
line, its table in a migration and a test.
"""

from __future__ import annotations

from connectors.reference.info import INFOS

__all__ = ["INFOS"]
