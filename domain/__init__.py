"""Pure rules of Australian property: the standard library only."""
