"""What scoring takes for noise, sure, thin, stale and too unsure: policy as data.

The values are rows of ``ml.scoring_policy``; the defaults here are what a migrated
database starts with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import psycopg

    Floats = npt.NDArray[np.float64]

CLASSES = ("A", "B", "C", "D", "E")


@dataclass(frozen=True)
class ScoringPolicy:
    """Limits of scoring.

    A move below both ``noise_share`` of the estimate and ``noise_interval_share`` of
    half the interval's width is noise. ``class_*_fsd`` are the highest FSD of each
    confidence class, as shares of the estimate; above ``refuse_fsd`` none is given.
    ``stale_months`` without a sale in the state end its valuations; fewer than
    ``thin_sales`` in suburb and type in 12 months are thin data.
    """

    noise_share: float = 0.005
    noise_interval_share: float = 0.05
    class_a_fsd: float = 0.10
    class_b_fsd: float = 0.15
    class_c_fsd: float = 0.20
    class_d_fsd: float = 0.25
    refuse_fsd: float = 0.65
    stale_months: float = 12
    thin_sales: float = 5

    @property
    def class_limits(self) -> tuple[float, ...]:
        """Highest FSD of classes A to D, rising."""
        return (
            self.class_a_fsd,
            self.class_b_fsd,
            self.class_c_fsd,
            self.class_d_fsd,
        )

    def as_text(self) -> str:
        """All values in one line: equal policies give equal texts."""
        return ";".join(f"{name}={value!r}" for name, value in asdict(self).items())

    def confidence_classes(self, fsd: Floats) -> npt.NDArray[np.object_]:
        """Class of each FSD; E for one that is not known."""
        import numpy as np

        # A stored FSD is a 4-byte float: one on the limit must not pass it by rounding.
        rounded = np.round(np.nan_to_num(fsd, nan=np.inf), 6)
        at = np.searchsorted(np.asarray(self.class_limits), rounded, side="left")
        return np.array(CLASSES, dtype=object)[at]


def read_policy(connection: psycopg.Connection[Any]) -> ScoringPolicy:
    """The policy in force; a rule without a row has its default.

    Raises:
        ValueError: the classes' limits do not rise.
    """
    known = {field.name for field in fields(ScoringPolicy)}
    rows = connection.execute("select name, value from ml.scoring_policy").fetchall()
    policy = ScoringPolicy(**{name: value for name, value in rows if name in known})
    if list(policy.class_limits) != sorted(set(policy.class_limits)):
        raise ValueError("ml.scoring_policy: the limits class_a_fsd to _d_ must rise")
    return policy
