"""What estimates turned out to be worth: each later sale beside its prediction.

The rule. A sale judges the prediction that stood before it: of the property's
predictions, and of those made under ids since merged into it, the one written last
among those whose valuation date is no later than

- the day of the sale's contract, for features as of a day know only facts before it;
- the day any version of the sale was first published. A contract date corrected to a
  later day must not make a prediction blind that had seen the sale;

and whose model learnt no sale contracted on that day or later. Sales that may judge
are those that training learns as sales: market sales, by the rules or an analyst's
verdict. A bid judges nothing, an excluded sale neither.

Submitted actuals that were accepted are judged alike by their day of contract, but
where a recorded market sale of the home lies within ``OUTRANKED_DAYS``, that one alone
speaks.

Here: bringing ``ml.prediction_feedback`` to what this rule finds, in SQL, and reading
what models are judged by. Elsewhere: what an error means (``promises``), who submits
(``actuals``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.promises import Experience
from ml.weighting import Seen

if TYPE_CHECKING:
    import datetime

    import psycopg

#: Sales known in so many days before the newest weigh the next training.
WEIGHING_DAYS = 180

#: A recorded sale so many days from a submitted one is taken for the same deal.
OUTRANKED_DAYS = 180

# The id of a row is that of its evidence, so a corrected sale corrects its row.
_FOUND = """
create temporary table found_feedback on commit drop as
with evidence as (
    select 'sale' as evidence, sale_id, null::uuid as actual_id, property_id, price_aud,
        contract_date, known_on, least(contract_date, first_known_on) as blind_until,
        state, dwelling_type, suburb_key, source, source_file, source_row_number,
        is_simulated
    from intermediate.int_sale__validated
    where is_market_sale
        and contract_date >= (select min(valuation_date) from ml.price_predictions)
    union all
    select 'submitted', null, actual.actual_id, home.property_id, actual.price_aud,
        actual.contract_date, (actual.submitted_at at time zone 'UTC')::date,
        actual.contract_date, home.state, home.dwelling_type, home.suburb_key,
        actual.source, actual.source_file, actual.source_row_number,
        actual.is_simulated
    from ml.submitted_actuals as actual
    left join intermediate.int_property__redirects as redirect
        on redirect.from_property_id = actual.property_id
    inner join marts.properties as home
        on home.property_id = coalesce(redirect.to_property_id, actual.property_id)
    where actual.status = 'accepted' and not exists (
        select from intermediate.int_sale__validated as sale
        where sale.property_id = home.property_id and sale.is_market_sale
            and abs(sale.contract_date - actual.contract_date) <= %(outranked)s
    )
)
select
    coalesce(evidence.sale_id, evidence.actual_id) as feedback_id,
    evidence.evidence, evidence.sale_id, evidence.actual_id, evidence.property_id,
    stood.prediction_id, evidence.contract_date, evidence.known_on,
    evidence.price_aud, stood.valuation_date,
    evidence.contract_date - stood.valuation_date as days_between,
    stood.estimate_aud, stood.low_aud, stood.high_aud, stood.interval_pct,
    stood.estimate_aud - evidence.price_aud as error_aud,
    100 * (stood.estimate_aud::double precision / evidence.price_aud - 1) as error_pct,
    ln(stood.estimate_aud::double precision / evidence.price_aud) as error_log,
    case stood.interval_pct when 68 then inside.own else inside.of_68 end as inside_68,
    case stood.interval_pct when 80 then inside.own end as inside_80,
    case stood.interval_pct when 95 then inside.own else inside.of_95 end as inside_95,
    stood.method, stood.model_name, stood.model_version,
    evidence.state, evidence.dwelling_type, evidence.suburb_key, evidence.source,
    evidence.source_file, evidence.source_row_number, evidence.is_simulated
from evidence
cross join lateral (
    select p.* from ml.price_predictions as p
    where p.property_id = any(
            array_append(
                array(
                    select r.from_property_id
                    from intermediate.int_property__redirects as r
                    where r.to_property_id = evidence.property_id
                ),
                evidence.property_id
            )
        )
        and p.valuation_date <= evidence.blind_until
        and not exists (
            select from jsonb_each_text(%(learnt)s) as learnt (version, last_day)
            where learnt.version = p.model_version
                and learnt.last_day::date >= evidence.contract_date
        )
    order by p.created_at desc, p.valuation_date desc, p.prediction_id
    limit 1
) as stood
cross join lateral (
    -- Null where the valuation states no such interval.
    select evidence.price_aud between stood.low_aud and stood.high_aud as own,
        evidence.price_aud between stood.low_68_aud and stood.high_68_aud as of_68,
        evidence.price_aud between stood.low_95_aud and stood.high_95_aud as of_95
) as inside
"""

_DROP = """
delete from ml.prediction_feedback as known
where not exists (
    select from found_feedback as found where found.feedback_id = known.feedback_id
)
"""

_CHANGE = """
insert into ml.prediction_feedback as known ({columns})
select {columns} from found_feedback
on conflict (feedback_id) do update set ({columns}) = row({new})
where ({old}) is distinct from ({new})
returning xmax = 0
"""

COLUMNS = (
    "feedback_id",
    "evidence",
    "sale_id",
    "actual_id",
    "property_id",
    "prediction_id",
    "contract_date",
    "known_on",
    "price_aud",
    "valuation_date",
    "days_between",
    "estimate_aud",
    "low_aud",
    "high_aud",
    "interval_pct",
    "error_aud",
    "error_pct",
    "error_log",
    "inside_68",
    "inside_80",
    "inside_95",
    "method",
    "model_name",
    "model_version",
    "state",
    "dwelling_type",
    "suburb_key",
    "source",
    "source_file",
    "source_row_number",
    "is_simulated",
)


@dataclass(frozen=True)
class Refreshed:
    """How many rows came, were corrected, and went (their sale is evidence no more)."""

    added: int
    corrected: int
    removed: int


def refresh_feedback(
    conn: psycopg.Connection[Any], learnt_until: Mapping[str, datetime.date]
) -> Refreshed:
    """Make the table what the rule finds; rows that stay the same are not touched.

    ``learnt_until`` is the contract date of the last sale each model version learnt.
    Runs in the caller's transaction and makes concurrent refreshes wait for its end.
    """
    from psycopg import sql
    from psycopg.types.json import Jsonb

    conn.execute("select pg_advisory_xact_lock(hashtext('ml prediction feedback'))")
    conn.execute("drop table if exists found_feedback")
    days = {version: day.isoformat() for version, day in learnt_until.items()}
    conn.execute(_FOUND, {"outranked": OUTRANKED_DAYS, "learnt": Jsonb(days)})
    conn.execute("analyze found_feedback")
    removed = conn.execute(_DROP).rowcount

    def listed(prefix: str) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.SQL(prefix) + sql.Identifier(name) for name in COLUMNS
        )

    change = sql.SQL(_CHANGE).format(
        columns=listed(""), new=listed("excluded."), old=listed("known.")
    )
    written = [row[0] for row in conn.execute(change)]
    return Refreshed(sum(written), len(written) - sum(written), removed)


def newest_prediction(conn: psycopg.Connection[Any]) -> str:
    """Names the last prediction written of the newest valuation date; cheap."""
    row = conn.execute(
        "select valuation_date, created_at from ml.price_predictions "
        "order by valuation_date desc, created_at desc limit 1"
    ).fetchone()
    return " ".join(map(str, row)) if row else "none"


def experience_of(
    conn: psycopg.Connection[Any],
    version: str,
    promised_mdape: float,
    *,
    days: int | None = None,
    since: datetime.datetime | None = None,
) -> Experience:
    """What sales found of a version's own estimates (not of fallbacks from them).

    Of sales known in the last ``days`` before the newest that was recorded (what is
    submitted today moves no window), and of feedback that came ``since``; None: all.
    ``promised_mdape`` in percent.
    """
    row = conn.execute(
        """
        select count(*), count(*) filter (where abs(error_pct) > %(promised)s),
            percentile_cont(0.5) within group (order by abs(error_pct)),
            count(inside_80), count(*) filter (where inside_80)
        from ml.judging_feedback
        where model_version = %(version)s and method = 'model'
            and (%(days)s::int is null or known_on
                > (select max(known_on) from ml.prediction_feedback
                    where evidence = 'sale') - %(days)s)
            and (%(since)s::timestamptz is null or created_at > %(since)s)
        """,
        {
            "version": version,
            "promised": promised_mdape,
            "days": days,
            "since": since,
        },
    ).fetchone()
    if row is None or not row[0]:
        return Experience(0, 0, float("nan"), 0, 0)
    return Experience(row[0], row[1], float(row[2]), row[3], row[4])


def broken_promises(
    conn: psycopg.Connection[Any], days: int = WEIGHING_DAYS
) -> list[Seen]:
    """How often champions' intervals missed later sales, by suburb and dwelling type.

    Of what may judge models, in the same window. Every version counts: one that is new
    was judged by nobody yet.
    """
    rows = conn.execute(
        """
        select coalesce(state, ''), coalesce(dwelling_type, ''),
            coalesce(suburb_key, ''), count(*)::int,
            sum(
                coalesce((not inside_68)::int, 0) + (not inside_80)::int
                + coalesce((not inside_95)::int, 0)
            )::int,
            -- In hundredths, whole: no order of adding up changes the sum.
            sum(
                case when inside_68 is null then 0 else 32 end + 20
                + case when inside_95 is null then 0 else 5 end
            )::int
        from ml.judging_feedback
        where method = 'model' and inside_80 is not null
            and known_on > (select max(known_on) from ml.prediction_feedback
                where evidence = 'sale') - %s
        group by 1, 2, 3
        order by 1, 2, 3
        """,
        [days],
    ).fetchall()
    return [
        Seen(state, kind, suburb, sales, missed, hundredths / 100)
        for state, kind, suburb, sales, missed, hundredths in rows
    ]
