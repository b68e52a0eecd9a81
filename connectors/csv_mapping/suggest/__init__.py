"""Proposing a mapping for an unknown file.

`proposal` weighs names (`vocabulary`) against values (`profile`, `content`,
`relations`) over a sample (`opening`, `sample`); `details` says how columns are read;
`yaml_text` writes it down.
"""

from __future__ import annotations

from connectors.csv_mapping.suggest.proposal import (
    ColumnSuggestion,
    Suggestion,
    Unmapped,
    suggest_mapping,
)

__all__ = ["ColumnSuggestion", "Suggestion", "Unmapped", "suggest_mapping"]
