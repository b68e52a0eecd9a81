"""PostgreSQL: embedded server, connections, COPY loading and the operational schema.

What a row means belongs to `domain/`; what a source looks like to `connectors/`; marts
and features to `dbt_project/`.
"""
