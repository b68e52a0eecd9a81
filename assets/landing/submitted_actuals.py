"""Submitting actuals: a consumer's file of prices, kept once, row by row.

Belongs here: bringing together what a row must say (`connectors.submitted_actuals`),
what becomes of it (`ml.actuals`) and the quarantine. One transaction a file: it may be
killed and sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from connectors.submitted_actuals import (
    Actual,
    ActualsFile,
    checked_source,
    read_actuals,
    reject_source,
)
from database.loose_rejects import (
    batch_of,
    known_rejects,
    reject_id,
    supersede_others,
    write_rejects,
)
from domain.errors import UserError
from domain.market_time import market_date
from domain.records import Reject
from ml.actuals import (
    Home,
    Submission,
    allowance,
    homes,
    implausible,
    keep,
    known,
    lock_source,
    policy_of,
    spend,
)


@dataclass
class Submitted:
    """What became of each row read: one of the five counts after it.

    `deferred` rows are beyond the source's limit of the day and were not kept.
    """

    source: str
    file: str
    read: int = 0
    accepted: int = 0
    held: int = 0
    repeated: int = 0
    rejected: int = 0
    deferred: int = 0
    rows_per_day: int = 0
    notes: list[str] = field(default_factory=list)


def submit_actuals(
    conn: psycopg.Connection,
    path: Path,
    source: str,
    *,
    now: datetime,
    is_simulated: bool,
) -> Submitted:
    """Take a file of a source in; commits.

    Rows that stand already as they are, and refusals told before, cost nothing of the
    source's limit of the day (UTC).

    Raises:
        UserError: the file cannot be read as a whole, or no home is known yet.
    """
    checked_source(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    file = read_actuals(data, path.name, source, market_date(now))
    row = conn.execute("select to_regclass('marts.properties') is not null").fetchone()
    if row is None or not row[0]:
        raise UserError("No home is known yet: run `ausproperty run` first.")
    lock_source(conn, source)
    done = _Submission(conn, file, source, is_simulated).take(now)
    conn.commit()
    return done


class _Submission:
    def __init__(
        self,
        conn: psycopg.Connection,
        file: ActualsFile,
        source: str,
        is_simulated: bool,
    ) -> None:
        self.conn = conn
        self.file = file
        self.source = source
        self.is_simulated = is_simulated
        self.policy = policy_of(conn, source)
        self.batch = batch_of(reject_source(source), file.name, file.sha256)
        actuals = [row for row in file.rows if isinstance(row, Actual)]
        self.homes = homes(conn, [row.property_id for row in actuals])
        self.known = known(conn, source, [row.reference for row in actuals])
        self.told = known_rejects(conn, self.batch)
        self.done = Submitted(source, file.name, rows_per_day=self.policy.rows_per_day)

    def take(self, now: datetime) -> Submitted:
        day, done = now.date(), self.done
        left = allowance(self.conn, self.source, day)
        before = left
        refused: list[Reject] = []
        for row in self.file.rows:
            done.read += 1
            found = self._refusal(row)
            if isinstance(found, Reject):
                is_new = reject_id(self.batch, found) not in self.told
            else:
                is_new = self._is_new(found[0], found[1])
                if not is_new:
                    done.repeated += 1
                    continue
            if is_new and left == 0:
                done.deferred += 1
                continue
            left -= is_new
            if isinstance(found, Reject):
                done.rejected += 1
                done.notes.append(_line(found))
                refused.append(found)
            else:
                self._keep(*found)
        self._quarantine(refused)
        spend(self.conn, self.source, day, before - left)
        return done

    def _refusal(self, row: Actual | Reject) -> Reject | tuple[Actual, Home]:
        if isinstance(row, Reject):
            return row
        home = self.homes.get(row.property_id)
        if home is not None:
            return row, home
        return Reject(
            reject_source(self.source),
            self.file.name,
            row.line,
            "property_id",
            "actual_property_unknown",
            f"No property is known as {row.property_id}.",
            "Look the home up with `ausproperty property ADDRESS`; it has to be in the "
            "marts.",
            row.original,
        )

    def _is_new(self, row: Actual, home: Home) -> bool:
        content = (home.property_id, row.price_aud, row.contract_date)
        return self.known.get(row.reference) != content

    def _keep(self, row: Actual, home: Home) -> None:
        reason = implausible(row.price_aud, home, self.policy)
        if reason is None:
            self.done.accepted += 1
        else:
            self.done.held += 1
            self.done.notes.append(
                f"{self.file.name}, line {row.line}, price: held for review, {reason}"
            )
        keep(
            self.conn,
            self.source,
            Submission(
                row.line,
                row.reference,
                row.property_id,
                row.price_aud,
                row.contract_date,
            ),
            home,
            reason,
            file=(self.file.name, self.file.sha256),
            is_simulated=self.is_simulated,
        )
        # The same reference further down in the file is the same row again.
        content = (home.property_id, row.price_aud, row.contract_date)
        self.known[row.reference] = content

    def _quarantine(self, refused: Sequence[Reject]) -> None:
        name = reject_source(self.source)
        supersede_others(self.conn, name, self.file.name, self.batch)
        write_rejects(self.conn, self.batch, refused, is_simulated=self.is_simulated)


def _line(reject: Reject) -> str:
    named = f", {reject.field}" if reject.field else ""
    return (
        f"{reject.source_file}, line {reject.row_number}{named}: {reject.reason} "
        f"{reject.fix}"
    )
