"""The market's clock: sources write its local times, tables hold instants.

The dbt project names the same zone once more (`market_timezone`), because SQL cannot
read it from here.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

#: Times without a zone are local to this.
MARKET_ZONE: Final = ZoneInfo("Australia/Sydney")


def market_date(instant: datetime) -> date:
    """Local day of an instant (an aware datetime)."""
    return instant.astimezone(MARKET_ZONE).date()
