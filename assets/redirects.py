"""Writing who is one home, and what a person should look at.

Belongs here: bringing `int_property__redirects` and `marts.merge_reviews` to what a
resolution found, touching only rows that differ. Finding it is `resolution`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid5

import psycopg
from psycopg.types.json import Jsonb

from database.merge_reviews import Decision
from identity.linkage import engine, weights

#: Root of all review ids: the same pair is the same review after every rebuild.
REVIEW_NAMESPACE = UUID("8f6f4a53-5c1b-5d0a-9d2f-0d7d3c9a6b11")


@dataclass(frozen=True, slots=True)
class Decided:
    """People's standing decisions by pair of property ids, the lower first."""

    standing: dict[engine.Pair, Decision]

    @staticmethod
    def of(decisions: Iterable[Decision]) -> Decided:
        """From the ledger's standing decisions."""
        return Decided({(found.low, found.high): found for found in decisions})

    @property
    def verdicts(self) -> dict[engine.Pair, bool]:
        """True where the two are one home."""
        return {pair: found.is_merge for pair, found in self.standing.items()}


def write_redirects(
    conn: psycopg.Connection,
    found: engine.Resolution,
    decisions: Decided,
    *,
    everything: bool,
) -> int:
    """Make redirects what was found, of all or of the records in `affected`.

    An id that stands for itself again is told to. Returns how many rows changed.
    """
    conn.execute(
        "create temporary table found_redirects (from_id uuid, to_id uuid, "
        "reason text, score real, low_id uuid, high_id uuid, said jsonb) on commit drop"
    )
    with conn.cursor().copy("copy found_redirects from stdin") as copy:
        for merge in found.merges:
            said = decisions.standing.get(merge.by)
            person = (
                Jsonb(
                    {
                        "decided_by": said.actor,
                        "reason": said.reason,
                        "decided_at": said.decided_at.isoformat(),
                    }
                )
                if said
                else None
            )
            ids = (merge.merged, merge.survivor, merge.reason, merge.score)
            copy.write_row((*ids, *merge.by, person))
    conn.execute("analyze found_redirects")
    scope = "" if everything else "and r.from_property_id in (table affected)"
    back = conn.execute(
        "update intermediate.int_property__redirects r "  # noqa: S608
        "set to_property_id = from_property_id, score = null, evidence = '{}', "
        "changed_at = now() where to_property_id <> from_property_id and not exists ("
        f"select from found_redirects f where f.from_id = r.from_property_id) {scope}"
    ).rowcount
    changed = conn.execute(
        """
        insert into intermediate.int_property__redirects as known (from_property_id,
            to_property_id, reason, score, evidence, rule_version)
        select f.from_id, f.to_id, f.reason, f.score,
            jsonb_strip_nulls(jsonb_build_object('pair', array[f.low_id, f.high_id],
                'levels', levels.named, 'person', f.said)), %s
        from found_redirects f
        left join ops.linkage_pairs p on (p.low_id, p.high_id) = (f.low_id, f.high_id)
        left join lateral (
            select jsonb_object_agg(field.spec ->> 'name',
                field.spec -> 'levels' -> p.levels[field.at]::int) as named
            from jsonb_array_elements(%s) with ordinality field (spec, at)
        ) levels on p.levels is not null
        on conflict (from_property_id) do update set
            to_property_id = excluded.to_property_id, reason = excluded.reason,
            score = excluded.score, evidence = excluded.evidence,
            rule_version = excluded.rule_version,
            changed_at = case when known.to_property_id = excluded.to_property_id
                then known.changed_at else now() end
        where (known.to_property_id, known.reason, known.score, known.evidence,
            known.rule_version) is distinct from (excluded.to_property_id,
            excluded.reason, excluded.score, excluded.evidence, excluded.rule_version)
        """,
        [weights.VERSION, Jsonb(engine.legend())],
    ).rowcount
    return back + changed


def write_reviews(
    conn: psycopg.Connection,
    found: engine.Resolution,
    decisions: Decided,
    *,
    everything: bool,
) -> int:
    """Make reviews what was found, of all or of the records in `affected`.

    Pairs decided keep their row with the decision; open ones that are no question any
    more become superseded. Returns how many rows changed.
    """
    _gather_reviews(conn, found, decisions, everything=everything)
    changed = conn.execute(
        """
        insert into marts.merge_reviews as known (review_id, low_property_id,
            high_property_id, low_address_key, high_address_key, low_address,
            high_address, score, why, evidence, status, decided_by, decided_at, reason)
        select f.review_id, f.low_id, f.high_id, low.address_key, high.address_key,
            low.address, high.address, f.score, f.why, f.evidence, f.status,
            f.decided_by, f.decided_at, f.reason
        from found_reviews f
        cross join lateral (
            select address_key, address from intermediate.int_address__identity
            where property_id = f.low_id order by source, address_hash limit 1) low
        cross join lateral (
            select address_key, address from intermediate.int_address__identity
            where property_id = f.high_id order by source, address_hash limit 1) high
        on conflict (review_id) do update set
            low_address = excluded.low_address, high_address = excluded.high_address,
            score = excluded.score, why = excluded.why, evidence = excluded.evidence,
            status = excluded.status, decided_by = excluded.decided_by,
            decided_at = excluded.decided_at, reason = excluded.reason,
            changed_at = now()
        where (known.low_address, known.high_address, known.score, known.why,
            known.evidence, known.status, known.decided_by, known.decided_at,
            known.reason) is distinct from (excluded.low_address,
            excluded.high_address, excluded.score, excluded.why, excluded.evidence,
            excluded.status, excluded.decided_by, excluded.decided_at, excluded.reason)
        """
    ).rowcount
    scope = (
        ""
        if everything
        else "and (r.low_property_id in (table affected) "
        "or r.high_property_id in (table affected))"
    )
    gone = conn.execute(
        "update marts.merge_reviews r set status = 'superseded', decided_by = null, "  # noqa: S608
        "decided_at = null, reason = null, changed_at = now() "
        "where status <> 'superseded' and not exists (select from found_reviews f "
        f"where f.review_id = r.review_id) {scope}"
    ).rowcount
    return changed + gone


def _gather_reviews(
    conn: psycopg.Connection,
    found: engine.Resolution,
    decisions: Decided,
    *,
    everything: bool,
) -> None:
    """Table `found_reviews`: what waits for a person, and what a person decided."""
    conn.execute(
        "create temporary table asked (low_id uuid, high_id uuid, why text, "
        "status text, decided_by text, decided_at timestamptz, reason text) "
        "on commit drop"
    )
    with conn.cursor().copy("copy asked from stdin") as copy:
        for pair, why in found.refused.items():
            if pair not in decisions.standing:
                copy.write_row((*pair, why, "open", None, None, None))
        for pair, said in decisions.standing.items():
            status = "merged" if said.is_merge else "kept_apart"
            copy.write_row(
                (*pair, "decided", status, said.actor, said.decided_at, said.reason)
            )
    scope = (
        ""
        if everything
        else "where p.low_id in (table affected) or p.high_id in (table affected)"
    )
    conn.execute(
        f"""
        insert into asked (low_id, high_id, why, status)
        select p.low_id, p.high_id, coalesce(p.why, 'neither clearly one nor two'),
            'open'
        from (select * from ops.linkage_pairs p {scope}) p
        left join intermediate.int_property__redirects low
            on low.from_property_id = p.low_id
        left join intermediate.int_property__redirects high
            on high.from_property_id = p.high_id
        where p.verdict = 'review'
            and coalesce(low.to_property_id, p.low_id)
                <> coalesce(high.to_property_id, p.high_id)
            and not exists (select from asked a
                where (a.low_id, a.high_id) = (p.low_id, p.high_id))
        """  # noqa: S608
    )
    rows = conn.execute("select low_id, high_id from asked").fetchall()
    conn.execute(
        "create temporary table found_reviews (low_id uuid, high_id uuid, "
        "review_id uuid, evidence jsonb, score real, why text, status text, "
        "decided_by text, decided_at timestamptz, reason text) on commit drop"
    )
    pairs = {
        (low, high): (score, levels)
        for low, high, score, levels in conn.execute(
            "select p.low_id, p.high_id, p.score, p.levels from ops.linkage_pairs p "
            "join asked using (low_id, high_id)"
        )
    }
    conn.execute(
        "create temporary table named (low_id uuid, high_id uuid, review_id uuid, "
        "evidence jsonb, score real) on commit drop"
    )
    with conn.cursor().copy("copy named from stdin") as copy:
        for low, high in rows:
            score, levels = pairs.get((low, high), (None, None))
            evidence = engine.evidence_of(levels) if levels else {}
            review_id = uuid5(REVIEW_NAMESPACE, f"{low}|{high}")
            copy.write_row((low, high, review_id, Jsonb(evidence), score))
    conn.execute(
        "insert into found_reviews select n.low_id, n.high_id, n.review_id, "
        "n.evidence, n.score, a.why, a.status, a.decided_by, a.decided_at, a.reason "
        "from named n join asked a using (low_id, high_id)"
    )
    conn.execute("analyze found_reviews")
