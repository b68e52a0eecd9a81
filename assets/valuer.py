"""Single valuations: the registry, the query catalogue and the alias put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.champion import champion_version
from assets.warehouse import tracking_url
from settings import Settings

if TYPE_CHECKING:
    from ml.on_request import Valuer


def valuer(settings: Settings, url: str) -> Valuer:
    """Values homes of the warehouse at ``url``; keep it, and its champion stays loaded.

    For a process that answers many: the first valuation loads the model.
    """
    from database.catalogue import ask
    from ml.on_request import Valuer
    from ml.tracking import Registry

    registry = Registry(tracking_url(url), settings.artifacts_folder)
    return Valuer(registry, ask, champion_version)
