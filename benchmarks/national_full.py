"""`national` at the sizes its limits are about: by name only. All is in `national`."""

from benchmarks.national import measure_full as measure

__all__ = ["measure"]
