"""Webhook delivery: event catalogue, outbox, signing, retries, guard and sender.

Plain Python over PostgreSQL; what starts a drain (Dagster, a command) is elsewhere.
"""
