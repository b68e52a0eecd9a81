"""First figures of the platform, each beside a peer or limit measured in the same run.

`python -m benchmarks` runs all and prints one table; `python -m benchmarks NAME` one.
Each module has a `measure()` that returns its figures; `catalogue` names them all and
`report` prints them. What each measures, and the latest figures: `docs/benchmarks.md`.
"""
