"""One property from many spellings: bulk normalisation and entity resolution.

Belongs here: turning millions of address texts into canonical keys (`domain` holds the
rules), finding the records of one home that no key brings together, and judging how
well that works. Reading and writing the warehouse is for `assets/`, by `database/`.
"""
