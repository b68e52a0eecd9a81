"""Reference sets: localities, addresses, land values, indexes, rates and medians."""
