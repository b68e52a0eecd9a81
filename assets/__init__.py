"""Dagster assets, checks, partitions and resources: thin calls into the rooms.

What the work *is* lives in the rooms (`connectors/`, `ml/`, `delivery/`, ...);
jobs, schedules and sensors live in `orchestration/`.
"""
