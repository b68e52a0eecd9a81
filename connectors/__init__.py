"""Sources: each is found or fetched, then parsed into records or rejects."""
