{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="sale_id",
        on_schema_change="fail",
        meta={
            "finished_by": "rank_repeated_sales",
            "tells": {
                "sale_versions": "sale_id",
                "sale_versions.deal": "deal_key",
                "sale_versions.address": "address_hash",
            },
            "outcomes": {
                "outcome": "'superseded'", "reason": "''", "where": "not is_current",
            },
        },
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
--
-- Made as a whole, all rows are first taken for the only version of their sale, in one pass;
-- rank_repeated_sales then puts right the few that are not.
{%- set own = sale_version_columns() %}
{%- set told = own + ["known_at as known_from", "loaded_at as recorded_from"] %}
with records as not materialized (
    select {{ told | join(", ") }} from {{ ref("stg_nsw_valuer__sales") }}
    union all
    select {{ told | join(", ") }} from {{ ref("stg_csv__sales") }}
)

{% if is_incremental() -%}
    -- Batches that changed are read anew; of the rest this table knows the touched sales.
    , several as not materialized (
        select * from records where batch_id = any({{ changed_sale_batches() }})
        union all
        select {{ own | join(", ") }}, known_from, recorded_from
        from {{ this }}
        where
            sale_id = any(array(select key from {{ touched() }}))
            and batch_id <> all({{ changed_sale_batches() }})
    )

    {{ ranked_sale_versions("several", own) }}
{%- else -%}
    select
        {{ own | join(", ") }},
        1 as version_number,
        1 as version_count,
        true as is_current,
        known_from,
        null::timestamptz as known_to,
        recorded_from,
        null::timestamptz as recorded_to,
        known_on as first_known_on,
        recorded_from as first_recorded_at
    from records
{%- endif %}
