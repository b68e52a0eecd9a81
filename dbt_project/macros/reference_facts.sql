{% macro reference_facts() -%}
{#-
    CTEs of what reference sets say as of a day, for features_as_of. A set that is not
    loaded has no rows, and the feature is missing.

    To be joined by equal days, postcodes and homes, each with few spans of time: a range
    alone cannot be hashed.
-#}
-- The days on which the target moved are few, those that state it many. The newest is in
-- force to the day of its release, and is believed for as long as a stale snapshot is.
cash_rate_changes as (
    select
        observed_date,
        cash_rate_target_pct,
        lead(observed_date, 1, believed_until) over (order by observed_date) as ends_on
    from (
        select
            observed_date,
            cash_rate_target_pct,
            lag(cash_rate_target_pct) over (order by observed_date) as target_before,
            max(greatest(observed_date, release_date)) over ()
            + {{ var("cash_rate_believed_days") }} as believed_until
        from {{ ref("stg_rba__cash_rate") }}
        -- A monthly table dates a change to the end of its month.
        where table_code in ('f1', 'target_changes')
    ) as stated
    where target_before is distinct from cash_rate_target_pct
),

-- By the day that looks back on it: a target is known once it was in force for a day.
-- Days are distinct anyway; said so, or the planner hashes every sale instead of them.
cash_rate_days as (
    select distinct on (as_of_date)
        changes.observed_date + 1 + days.number as as_of_date,
        changes.cash_rate_target_pct::double precision as cash_rate_pct
    from cash_rate_changes as changes
    cross join lateral generate_series(
        0, changes.ends_on - changes.observed_date - 1
    ) as days (number)
    order by as_of_date
),

-- Each edition from the day after its publication to the next one's. The ABS's own
-- figures of postal areas go before means of smaller areas.
seifa_scores as (
    select
        postcode,
        score,
        published_on,
        lead(published_on) over (
            partition by postcode order by published_on, edition
        ) as superseded_on
    from (
        select distinct on (area_code, edition)
            area_code as postcode,
            edition,
            score::double precision as score,
            release_date as published_on
        from {{ ref("stg_abs__seifa") }}
        where
            geography = 'poa'
            and index_code = 'irsad'
            and score is not null
            and release_date is not null
        order by area_code, edition, is_derived, release_date desc
    ) as editions
),

-- One value stands for a whole strata scheme: it is no single home's.
parcel_values as materialized (
    select valuer_property_id, base_date, land_value_aud
    from {{ ref("stg_nsw_valuer__land_values") }}
    where not is_strata_scheme and land_value_aud > 0
),

-- Homes that are one valued parcel, and alone on it.
parcels as (
    select property_id, valuer_property_id
    from (
        select
            property_id,
            source_property_id as valuer_property_id,
            count(*) over (partition by property_id) as parcel_count,
            count(*) over (partition by source_property_id) as home_count
        from (
            select distinct property_id, source_property_id
            from {{ ref("property_sources") }}
            where
                source = 'nsw_valuer'
                and source_kind = 'sale'
                and source_property_id in (
                    select valuer_property_id from parcel_values
                )
        ) as pairs
    ) as counted
    where parcel_count = 1 and home_count = 1
),

-- A base date's values from the day after they were out to when the next one's are.
land_value_times as (
    select base_date, out_on, lead(out_on) over (order by base_date) as next_out_on
    from (
        select distinct
            base_date,
            (base_date + interval '{{ var("land_values_published_after_months") }} months')
                ::date as out_on
        from parcel_values
    ) as bases
),

land_values as (
    select
        parcels.property_id,
        times.out_on,
        times.next_out_on,
        ln(max(parcel_values.land_value_aud)::double precision) as land_value_log
    from parcels
    inner join parcel_values
        on parcels.valuer_property_id = parcel_values.valuer_property_id
    inner join land_value_times as times
        on parcel_values.base_date = times.base_date
    group by 1, 2, 3
    having min(parcel_values.land_value_aud) = max(parcel_values.land_value_aud)
)
{%- endmacro %}
