"""Rules about rows, as Great Expectations suites, and one runner.

Rules about the warehouse's marts are dbt tests; structure and types are asset checks.
Each rule has one home.
"""
