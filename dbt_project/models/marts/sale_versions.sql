{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="sale_id",
        on_schema_change="fail",
        meta={"tells": {
            "sale_versions": "sale_id",
            "sale_versions.deal": "deal_key",
            "sale_versions.address": "address_hash",
        }},
        indexes=[
            {"columns": ["sale_id", "version_number"], "unique": true,
             "serves": ["property_sales_as_known", "source_record_of_sale"]},
            {"columns": ["batch_id"], "serves": ["model sale_versions"]},
            {"columns": ["address_hash"], "where": "is_current",
             "serves": ["model int_sale__validated"]},
            {"columns": ["deal_key"], "where": "is_current and deal_key is not null",
             "serves": ["model int_sale__validated"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of(['raw.nsw_valuer__sales', 'raw.csv__sales']) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_by_sale_versions()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Every version of every sale and bid as published. Of the versions known at a time, by the
-- publisher's clock or by ours, the best is what was held true then: PSI's newest download,
-- of CSV files the row that tells most. A version that never was the best (an older one that
-- came late, the lesser of two files) has intervals of no length.
{%- set columns = [
    "sale_id", "version_id", "source", "source_sale_id", "source_property_id", "deal_key",
    "address_hash", "address_received", "dwelling_type", "locality", "state", "postcode",
    "zone_code", "region", "sale_method", "price_aud", "share_pct", "bedrooms", "bathrooms",
    "car_spaces", "land_area_m2", "building_area_m2", "year_built", "latitude", "longitude",
    "is_sale", "is_strata", "is_dwelling_type_known", "is_simulated", "contract_date",
    "settlement_date", "known_on", "known_at", "version_score", "version_at", "loaded_at",
    "source_file", "source_row_number", "batch_id",
] %}
with records as not materialized (
    select {{ columns | join(", ") }} from {{ ref("stg_nsw_valuer__sales") }}
    union all
    select {{ columns | join(", ") }} from {{ ref("stg_csv__sales") }}
),

{% if is_incremental() -%}
    -- Batches that changed are read anew; of the rest this table knows the touched sales.
    several as not materialized (
        select * from records where batch_id = any({{ changed_sale_batches() }})
        union all
        select
            {% for column in columns -%}
                {{ {"known_at": "known_from", "loaded_at": "recorded_from"}.get(column, column) }}
                {{- ", " if not loop.last }}
            {% endfor %}
        from {{ this }}
        where
            sale_id in (select key from {{ touched() }})
            and batch_id <> all({{ changed_sale_batches() }})
    ),
{%- else -%}
    -- Most sales have one version: only the others are sorted.
    repeated as materialized (
        select sale_id from records group by sale_id having count(*) > 1
    ),

    several as not materialized (
        select * from records where sale_id in (select sale_id from repeated)
    ),
{%- endif %}

ranked as (
    select
        several.*,
        row_number() over newest_first as version_rank,
        count(*) over all_versions as version_count,
        min(known_on) over all_versions as first_known_on,
        min(loaded_at) over all_versions as first_recorded_at,
        min(known_at) over better as bettered_at,
        min(loaded_at) over better as bettered_by_us_at
    from several
    window
        all_versions as (partition by sale_id),
        newest_first as (
            partition by sale_id
            order by
                version_score desc,
                version_at desc,
                source_file desc,
                source_row_number desc
        ),
        better as (newest_first rows between unbounded preceding and 1 preceding)
)

{%- set own = columns | reject("in", ["known_at", "loaded_at"]) | join(", ") %}

select
    {{ own }},
    (version_count - version_rank + 1)::int as version_number,
    version_count::int as version_count,
    version_rank = 1 as is_current,
    known_at as known_from,
    case when version_rank > 1 then greatest(known_at, bettered_at) end as known_to,
    loaded_at as recorded_from,
    case when version_rank > 1 then greatest(loaded_at, bettered_by_us_at) end
        as recorded_to,
    first_known_on,
    first_recorded_at
from ranked
{% if not is_incremental() -%}
    union all
    select
        {{ own }},
        1 as version_number,
        1 as version_count,
        true as is_current,
        known_at as known_from,
        null::timestamptz as known_to,
        loaded_at as recorded_from,
        null::timestamptz as recorded_to,
        known_on as first_known_on,
        loaded_at as first_recorded_at
    from records
    where not exists (select from repeated where repeated.sale_id = records.sale_id)
{%- endif %}
