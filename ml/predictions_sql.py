"""The statements that write a partition; run in order by ``predictions``.

They go from set to set over temporary tables that end with the transaction: ``part``
(the feature rows as read), ``scored``, ``refused``, then ``fresh`` (valuations that
differ from the standing ones), ``new_predictions`` (those to be told) and
``new_withdrawals``.
"""

from __future__ import annotations

from ml import features

_INTEGERS = {"source_row_number": "integer", "input_hash": "bigint"}
_TYPES = {
    "property_id": "uuid",
    "as_of_date": "date",
    "is_simulated": "boolean",
    **_INTEGERS,
    **dict.fromkeys(features.NUMBERS, "double precision"),
}


def create(streamed: tuple[str, ...]) -> str:
    """Statements that make the temporary tables; ``streamed`` names part's columns."""
    part = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in streamed)
    return f"""
    drop table if exists
        part, scored, refused, fresh, new_predictions, new_withdrawals;
    create temporary table part ({part}) on commit drop;
    create temporary table scored (
        property_id uuid, valuation_date date, estimate_aud bigint, low_aud bigint,
        high_aud bigint, interval_pct smallint, low_68_aud bigint, high_68_aud bigint,
        low_95_aud bigint, high_95_aud bigint, confidence real, fsd real,
        confidence_class text, extrapolation boolean, thin_data boolean, method text,
        model_name text, model_version text
    ) on commit drop;
    create temporary table refused (
        property_id uuid, reason text, detail text
    ) on commit drop;
    create temporary table fresh (
        prediction_id uuid, property_id uuid, told_estimate_aud bigint, is_told boolean
    ) on commit drop;
    create temporary table new_predictions (
        prediction_id uuid, property_id uuid, previous_estimate_aud bigint
    ) on commit drop;
    create temporary table new_withdrawals (
        refusal_id uuid, property_id uuid, previous_estimate_aud bigint
    ) on commit drop
    """


# The id names model, snapshot, method and property: the first 12 digits are those of
# the scoring, so that indexes on it grow in one place, the next those of the property,
# which is the order of writing. When exactly that was predicted before and something
# else in between (a fallback while the registry was away, a refusal), the valuation is
# news again and needs an id of its own: it follows from how many came before it.
FRESH = """
insert into fresh
select
    case when taken.prediction_id is null then named.id
        else md5(named.id::text || (
            select count(*) from ml.price_predictions as earlier
            where earlier.property_id = scored.property_id
        ))::uuid
    end,
    scored.property_id,
    standing.told_estimate_aud,
    standing.property_id is null
    or standing.told_method <> scored.method
    or coalesce(standing.told_class <> scored.confidence_class, false)
    or abs(scored.estimate_aud - standing.told_estimate_aud) >= greatest(
        %(noise_share)s::float8 * scored.estimate_aud,
        %(noise_interval_share)s::float8 * (scored.high_aud - scored.low_aud) / 2,
        1
    )
from scored
cross join lateral (
    select md5(concat_ws(
        '|', coalesce(scored.model_version, ''), %(snapshot)s::text, scored.method
    )) as scoring
) as of_all
cross join lateral (
    select (
        substr(of_all.scoring, 1, 12)
        || substr(replace(scored.property_id::text, '-', ''), 1, 12)
        || substr(md5(of_all.scoring || scored.property_id::text), 1, 8)
    )::uuid as id
) as named
left join ml.current_predictions as standing using (property_id)
left join ml.price_predictions as was on was.prediction_id = standing.prediction_id
left join ml.price_predictions as taken on taken.prediction_id = named.id
where was.prediction_id is null
   or (was.estimate_aud, was.low_aud, was.high_aud, was.method, was.model_version,
       was.confidence_class, was.extrapolation, was.thin_data,
       was.low_68_aud, was.high_68_aud, was.low_95_aud, was.high_95_aud)
      is distinct from (
          scored.estimate_aud, scored.low_aud, scored.high_aud, scored.method,
          scored.model_version, scored.confidence_class, scored.extrapolation,
          scored.thin_data, scored.low_68_aud, scored.high_68_aud, scored.low_95_aud,
          scored.high_95_aud)
"""

APPEND = """
insert into ml.price_predictions (
    prediction_id, property_id, valuation_date, estimate_aud, low_aud, high_aud,
    interval_pct, low_68_aud, high_68_aud, low_95_aud, high_95_aud,
    confidence, fsd, confidence_class, extrapolation, thin_data, method,
    model_name, model_version, features_snapshot_id, source_file, source_row_number,
    is_simulated, is_told, run_id
)
select
    fresh.prediction_id, property_id, valuation_date, estimate_aud, low_aud, high_aud,
    interval_pct, low_68_aud, high_68_aud, low_95_aud, high_95_aud,
    confidence, fsd, confidence_class, extrapolation, thin_data, method,
    model_name, model_version, %(snapshot)s, source_file, source_row_number,
    is_simulated, is_told, %(run)s
from fresh
join scored using (property_id)
join part using (property_id)
order by fresh.prediction_id
"""

POINT = """
insert into ml.current_predictions as standing (
    property_id, prediction_id,
    told_prediction_id, told_estimate_aud, told_method, told_class
)
select
    property_id, prediction_id, prediction_id, estimate_aud, method, confidence_class
from fresh
join scored using (property_id)
where is_told
order by property_id
on conflict (property_id) do update set
    prediction_id = excluded.prediction_id,
    told_prediction_id = excluded.told_prediction_id,
    told_estimate_aud = excluded.told_estimate_aud,
    told_method = excluded.told_method,
    told_class = excluded.told_class
"""

POINT_UNTOLD = """
update ml.current_predictions as standing
set prediction_id = fresh.prediction_id,
    -- Consumers told before there were classes are told of the next change of class.
    told_class = coalesce(standing.told_class, scored.confidence_class)
from fresh
join scored using (property_id)
where standing.property_id = fresh.property_id and not fresh.is_told
"""

TO_TELL = """
insert into new_predictions
select prediction_id, property_id, told_estimate_aud from fresh where is_told
"""

# Ended where the home is valued, or refused for another reason.
END_REFUSALS = """
update ml.refusals as standing
set ended_at = now()
from part
left join refused using (property_id)
where standing.property_id = part.property_id
  and standing.ended_at is null
  and standing.reason is distinct from refused.reason
"""

ADD_REFUSALS = """
insert into ml.refusals (
    refusal_id, property_id, reason, detail, valuation_date, features_snapshot_id,
    withdrew_estimate_aud, is_simulated, run_id
)
select
    md5(
        concat_ws('|', property_id, refused.reason, %(snapshot)s::text, earlier.number)
    )::uuid,
    property_id, refused.reason, refused.detail, part.as_of_date, %(snapshot)s,
    standing.told_estimate_aud, part.is_simulated, %(run)s
from refused
join part using (property_id)
left join ml.current_predictions as standing using (property_id)
cross join lateral (
    select count(*) as number, count(*) filter (where ended_at is null) as standing
    from ml.refusals where refusals.property_id = refused.property_id
) as earlier
where earlier.standing = 0
"""

WITHDRAW = """
with gone as (
    delete from ml.current_predictions as standing
    using refused
    where standing.property_id = refused.property_id
    returning standing.property_id, standing.told_estimate_aud
)
insert into new_withdrawals
select refusal_id, property_id, gone.told_estimate_aud
from gone
join ml.refusals using (property_id)
where ended_at is null
"""


def _array(names: tuple[str, ...]) -> str:
    return f"array[{', '.join(names)}]"


REMEMBER = f"""
insert into ml.valued_inputs as known
    (property_id, scorer_id, input_hash, numbers, categories)
select property_id, %(scorer)s, input_hash, {_array(features.NUMBERS)},
    {_array(features.CATEGORIES)}
from part
order by property_id
on conflict (property_id) do update set
    scorer_id = excluded.scorer_id,
    input_hash = excluded.input_hash,
    numbers = excluded.numbers,
    categories = excluded.categories,
    previous_scorer_id = known.scorer_id,
    previous_numbers = known.numbers,
    previous_categories = known.categories
"""  # noqa: S608 (names of our own catalogue)

COUNT = """
select
    (select count(*) from fresh where told_estimate_aud is null),
    (select count(*) from fresh),
    (select count(*) from new_predictions),
    (select count(*) from new_withdrawals)
"""
