"""Every source there is, in one place: what is known of each."""

from __future__ import annotations

from domain.sources import SourceInfo


def all_infos() -> list[SourceInfo]:
    """What each source's connector says of it, listings and sales first."""
    from connectors import csv_mapping, domain_api, nsw_valuer, reaxml, reference

    first = (nsw_valuer.INFO, domain_api.INFO, reaxml.INFO, csv_mapping.INFO)
    return [*first, *reference.INFOS.values()]
