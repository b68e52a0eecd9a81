"""Dagster assets, checks, partitions and resources: load, call a room, return with metadata.

What the work *is* lives in the rooms (`connectors/`, `database/`, `ml/`, `delivery/`, ...);
jobs, schedules and sensors live in `orchestration/`.
"""
