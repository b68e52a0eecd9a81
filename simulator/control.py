"""The control endpoints: what tests and demos may change and ask while it runs.

| path | effect |
| --- | --- |
| `POST /control/publish?weeks=N` | N more weeks (1) become public |
| `POST /control/advance?minutes=N` | the Domain API's clock moves on (days, seconds) |
| `POST /control/faults?fault=WORD&...` | fault words take force; `clear=1` ends rates |
| `GET /control/faults` | rates, settings, and how often each fault was done |
| `GET`, `POST /control/domain/truth` | ids of all listings a search (body) finds |
| `GET /control/domain` | the clock and the calls counted |
| `POST /control/domain/quota?per_minute=N&per_day=N` | other quotas; 0 is none |
| `POST /control/domain/revoke` | every token given out so far is refused |

No fault touches these, and no credentials guard them: the server is a test's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qs

from simulator.domain_api.query import BadQuery
from simulator.domain_api.service import DomainApi
from simulator.website import Site


class Control:
    """Acts on a site and a Domain API."""

    def __init__(self, site: Site, domain: DomainApi) -> None:
        self.site = site
        self.domain = domain

    def answer(
        self, method: str, path: str, query: str, body: bytes
    ) -> tuple[int, str, str]:
        """Status, text and media type of the answer to one request."""
        try:
            status, text = self._act(method, path, query, body)
        except (BadQuery, ValueError, OverflowError) as error:
            status, text = 400, f"{error}\n"
        kind = "application/json" if text.startswith("{") else "text/plain"
        return status, text, kind

    def _act(self, method: str, path: str, query: str, body: bytes) -> tuple[int, str]:
        lists = parse_qs(query)
        words = {name: values[0] for name, values in lists.items()}
        match method, path.removeprefix("/control/"):
            case _, "domain/truth":
                truth = self.domain.truth(json.loads(body or b"{}"))
                return 200, json.dumps(truth)
            case "GET", "domain":
                return 200, json.dumps(self._domain())
            case "GET", "faults":
                return 200, json.dumps(self.site.faults.rates.report())
            case "POST", "faults":
                return self._set_faults(lists.get("fault", []), words)
            case "POST", "advance":
                moment = self.domain.clock.advance(_span(words))
                return 200, moment.isoformat() + "\n"
            case "POST", "publish":
                return self._publish(words.get("weeks", "1"))
            case "POST", "domain/quota":
                self.domain.quotas.set_limits(
                    per_minute=_whole(words, "per_minute"),
                    per_day=_whole(words, "per_day"),
                )
                return 200, json.dumps(self._domain())
            case "POST", "domain/revoke":
                self.domain.credentials.revoke()
                return 200, "revoked\n"
        return 404, "not found\n"

    def _domain(self) -> dict[str, object]:
        return {
            "now": self.domain.clock.moment().isoformat(),
            "calls": self.domain.quotas.used(),
        }

    def _set_faults(
        self, faults: list[str], words: Mapping[str, str]
    ) -> tuple[int, str]:
        if words.get("clear"):
            self.site.faults.rates.clear()
        for word in faults:
            self.site.faults.put(word)
        return 200, json.dumps(self.site.faults.rates.report())

    def _publish(self, weeks: str) -> tuple[int, str]:
        if not weeks.isdecimal() or int(weeks) > 520:
            return 400, "weeks must be a whole number up to 520\n"
        return 200, self.site.publish(int(weeks)) + "\n"


def _span(words: Mapping[str, str]) -> timedelta:
    units = {"days": 0.0, "minutes": 0.0, "seconds": 0.0}
    for name in units:
        units[name] = float(words.get(name, "0"))
    return timedelta(**units)


def _whole(words: Mapping[str, str], name: str) -> int | None:
    return int(words[name]) if name in words else None
