"""Ops for side effects: thin wrappers around the delivery room."""
