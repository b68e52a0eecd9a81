"""What each kind of agreement is worth: fixed weights in bits, with their origin.

Data, fitted by `estimation.joint_weights` on 100,000 homes of seed 1001 (never a seed
that tests and benchmarks judge with): bits a level adds to the odds that a pair of one
block is one home, beside what the other levels add. Levels the labelled set never shows
are 0: caps and vetoes decide those. Raise `VERSION` with any change: every pair is then
judged anew.
"""

from __future__ import annotations

#: Raise when weights, thresholds, rules of blocking or comparison change.
VERSION = 1

#: Bits from which a pair is one home, and from which a person is asked.
MERGE = 2.0
REVIEW = 0.0
#: Bits below which a pair speaks against a cluster that others would put it in.
CONFLICT = -3.0

#: log2 of the odds that a pair in a block is one home, before anything is compared.
PRIOR = -0.12

WEIGHTS: dict[str, tuple[float, ...]] = {
    "street": (-0.82, 0.74, 0.0, 0.0, 0.0),
    "way": (2.57, 0.46, 0.0, -3.12, 0.0, 0.0),
    "number": (1.65, -2.15, 0.0, 0.0, 0.41, 0.0),
    "flat": (-1.14, 0.28, 0.0, 0.0, 0.0, 1.19, -0.42),
    "place": (2.43, 1.96, 0.77, -1.24, 1.35, -5.39, 0.05),
    "support": (
        2.45,
        *(1.2, -0.86, 1.46, -4.19),
        *(1.96, 0.05, 0.0, 0.0),
        *(3.18, 0.25, 1.13, 0.27),
        *(3.65, 0.0, 0.86, -6.86),
        *(-1.15, 2.33, -2.54, -3.26),
    ),
    "distance": (6.73, 3.62, -1.05, -4.14, -6.74, 1.49),
    # The register's word. The simulator errs in it less than the register may, so that
    # what was fitted says little; these are set.
    "title": (8.0, 5.0, 0.0, -6.78, -1.24),
    "dwelling": (-0.34, 0.14, 0.12),
}
