"""NSW Valuer General property sales information (PSI): fetch, containers, parser.

`fetch` downloads, `containers` finds the files inside ZIPs and folders, `scan` decides
whether a file can be trusted, `parse` turns it into rows of `raw.nsw_valuer__sales` and
rejects. `layout` is the record layout.
"""

from __future__ import annotations

from connectors.nsw_valuer.layout import SOURCE

__all__ = ["SOURCE"]
