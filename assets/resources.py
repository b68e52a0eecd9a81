"""Dagster resources: the warehouse, dbt without its version look-up; how pulls retry.

Both resolve settings when a step uses them, never when the code location loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
from dagster_dbt import DbtCliResource

from assets.warehouse import warehouse_connection, warehouse_url
from settings import Settings

if TYPE_CHECKING:
    from packaging.version import Version

#: A source that is briefly away comes back; a refused password or a bad folder does not
#: (those raise PermanentError, which ends a step without a retry).
FETCH_RETRY = dg.RetryPolicy(
    max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL
)


class Warehouse(dg.ConfigurableResource):
    """The active market's database, with the settings it came from."""

    @property
    def settings(self) -> Settings:
        """Settings as of now: a step's environment is its own."""
        return Settings()

    @property
    def url(self) -> str:
        """Connection URL; starts the embedded server if it is down."""
        return warehouse_url(self.settings)

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """A connection; what is not committed is rolled back."""
        with warehouse_connection(self.settings) as conn:
            yield conn

    @property
    def is_simulated(self) -> bool:
        """Whether the active market is made up."""
        return self.settings.active_market == "simulated"


class Dbt(DbtCliResource):
    """dbt, spared one `dbt --version` per step process.

    That command costs 3-5 s and asks the package index for the newest release.
    """

    @cached_property
    def _cli_version(self) -> Version:
        from packaging.version import Version

        return Version(installed_version("dbt-core"))
