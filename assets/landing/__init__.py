"""Landing as plain functions, one module a source: find, fetch, parse, load."""
