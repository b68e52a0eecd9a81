"""What each kind of agreement is worth: fixed weights in bits, with their origin.

Data, fitted by `estimation.joint_weights` on 150,000 homes of seed 1001 (never a seed
that tests and benchmarks judge with): bits a level adds to the odds that a pair of one
block is one home, beside what the other levels add. Levels the labelled set never shows
are 0: caps and vetoes decide those. Raise `VERSION` with any change: every pair is then
judged anew.
"""

from __future__ import annotations

#: Raise when weights, thresholds, rules of blocking or comparison change.
VERSION = 1

#: Bits from which a pair is one home, and from which a person is asked.
MERGE = 3.0
REVIEW = 0.0
#: Bits below which a pair speaks against a cluster that others would put it in.
CONFLICT = -3.0

#: log2 of the odds that a pair in a block is one home, before anything is compared.
PRIOR = -1.16

WEIGHTS: dict[str, tuple[float, ...]] = {
    "street": (1.49, 1.63, 0.02, -4.15, 0.0),
    "way": (2.17, -0.26, 0.0, -2.91, 0.0, 0.0),
    "number": (1.87, -3.12, 0.0, 0.0, 0.25, 0.0),
    "flat": (-1.36, -0.21, 0.0, 0.0, 0.0, 1.32, -0.76),
    "place": (3.05, 2.12, -0.45, -0.52, 1.66, -5.95, -0.92),
    "support": (
        2.0,
        *(1.63, 0.74, 1.91, -4.5),
        *(3.65, 1.0, -0.49, -2.31),
        *(3.15, 0.19, 1.81, -0.56),
        *(4.51, 0.39, -1.09, -5.85),
        *(-0.39, 2.91, -3.21, -6.5),
    ),
    "distance": (6.76, 2.52, -1.56, -2.49, -7.33, 1.1),
    # The register's word. The simulator errs in it less than the register may, so that
    # what was fitted says little; these are set.
    "title": (8.0, 5.0, 0.0, -6.77, -1.45),
    "dwelling": (-0.56, -0.71, 0.26),
}
