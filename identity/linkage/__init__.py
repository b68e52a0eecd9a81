"""Finding the records of one home that no canonical key brings together.

A record is a distinct canonical address. `records` derives what is compared, `blocking`
says which pairs are looked at, `comparison` says how alike two records are, `weights`
holds what that is worth, `clusters` decides who is one home, `engine` runs it all in
DuckDB. Reading and writing the warehouse is for `assets/resolution.py`.
"""
