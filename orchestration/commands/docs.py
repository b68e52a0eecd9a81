"""`ausproperty docs`: build the pages of this home and say where they are."""

from __future__ import annotations

import warnings

import typer

from settings import Settings


def docs() -> None:
    """Build Data Docs and dbt docs of this market; print their paths.

    `ausproperty up` serves them.
    """
    with warnings.catch_warnings():
        # Dagster's own words about what is in beta are not for people who read docs.
        warnings.simplefilter("ignore")
        from assets.data_docs import build_great_expectations
        from orchestration.docs_site import (
            build_data_docs,
            build_dbt_docs,
            prepare_docs,
        )
        from orchestration.instance import prepare_instance
        from orchestration.location import build_definitions

        settings = Settings()
        url = prepare_instance(settings)
        prepare_docs(settings)
        definitions = build_definitions(settings)
        typer.echo(f"Data Docs  {build_data_docs(settings, definitions)}")
        typer.echo(f"           {build_great_expectations(settings)}")
    typer.echo(f"dbt docs   {build_dbt_docs(settings, url)}")
    typer.echo(f"served by `ausproperty up` at http://127.0.0.1:{settings.ports.docs}/")
