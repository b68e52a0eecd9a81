"""Domain Group API: listings for sale and sold, their details, auction results.

`api` asks, `slicing` and `reading` get past the ceiling of 1,000 results, `bodies` land
what came, `parse` reads it. Importing the package itself loads none of them.
"""

from __future__ import annotations

from domain.sources import SourceInfo

INFO = SourceInfo(
    name="domain",
    title="Domain Group API",
    publisher="Domain Holdings Australia",
    url="https://developer.domain.com.au",
    licence="The terms of the API agreement; not open data",
    cadence="listings every few minutes (polled), auction results on Saturdays",
    fields=(
        "listings for sale, rent and sold: address, rooms, areas, price text and "
        "bounds, dates, advertiser, coordinates; details and status of "
        "single listings; properties with their sales; auction results; "
        "quarterly suburb measures"
    ),
    limits=(
        "1,000 results a search (searches are split); calls a minute and a day by "
        "plan; withheld prices may be stored and not served"
    ),
    failure=(
        "the last good snapshot stays, marked stale, for 24 hours; a used-up day quota "
        "parks the work until 00:00 UTC, and the next run goes on where it stopped"
    ),
    stale_hours=24,
    tables=(
        "raw.domain__listings",
        "raw.domain__listing_details",
        "raw.domain__properties",
        "raw.domain__sales_results",
        "raw.domain__sales_summaries",
        "raw.domain__suburb_performance",
    ),
    quiet_days=3,
)
