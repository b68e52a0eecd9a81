"""What is told of one home: its value, how sure, and what that rests on."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.comparables import Comparable
from ml.explanation import Contribution, Explanation, Inputs


@dataclass(frozen=True)
class Valuation:
    """What a home is worth, how sure, and what that rests on; amounts in whole AUD.

    ``intervals`` by percent (low, high). Where none is given ``estimate_aud`` is None
    and ``refused`` is one of ``refusals.REASONS``, told in words by ``detail``.
    ``fsd``, class and flags are those of the batch.
    ``degraded`` says why the champion was not asked; ``snapshot_id`` names the data of
    the last scoring that moved this home's estimate, ``standing_aud``.
    """

    property_id: str
    valuation_date: datetime.date
    estimate_aud: int | None
    intervals: Mapping[int, tuple[int, int]]
    confidence: float | None
    fsd: float | None
    confidence_class: str | None
    extrapolation: bool
    thin_data: bool
    refused: str | None
    detail: str | None
    method: str | None
    model_name: str | None
    model_version: str | None
    degraded: str | None
    snapshot_id: str | None
    standing_aud: int | None
    source: str
    source_file: str
    source_row_number: int
    is_simulated: bool
    inputs: Inputs = field(repr=False)
    comparables: tuple[Comparable, ...] = ()
    explanation: Explanation | None = None
    change: Change | None = None


@dataclass(frozen=True)
class Change:
    """What moved the estimate since the valuation before, in whole AUD.

    ``parts`` add up to the difference from ``before_aud``, which ``model_version``
    said.
    """

    before_aud: int
    model_version: str
    parts: tuple[Contribution, ...]


#: Of a home that nothing is told of yet.
NOTHING: dict[str, Any] = {
    "estimate_aud": None,
    "intervals": {},
    "confidence": None,
    "fsd": None,
    "confidence_class": None,
    "extrapolation": False,
    "thin_data": False,
    "refused": None,
    "detail": None,
    "method": None,
    "model_name": None,
    "model_version": None,
}
