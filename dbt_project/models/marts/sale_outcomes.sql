{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="batch_id",
        on_schema_change="fail",
        indexes=[
            {
                "columns": ["batch_id", "outcome", "reason"],
                "unique": true,
                "serves": ["grain", "model sale_outcomes"],
            },
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'raw.nsw_valuer__sales', 'raw.csv__sales', 'int_sale__validated',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_sale_outcomes()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- What became of every raw row of sales, counted: in the marts as evidence, in the marts
-- but no evidence (the first rule that says so), a bid, or superseded by a better version.
with versions as (
    select batch_id, source, sale_id, is_current, is_simulated
    from {{ ref("sale_versions") }}
    {% if is_incremental() -%}
        where batch_id in (select key from {{ touched() }})
    {%- endif %}
),

judged as (
    select
        versions.batch_id,
        versions.source,
        versions.is_simulated,
        case
            when not versions.is_current then 'superseded'
            when validated.sale_id is null then 'unaccounted'
            when validated.is_market_sale then 'market_sale'
            when not validated.is_sale then 'bid'
            else 'excluded'
        end as outcome,
        case
            when versions.is_current and validated.is_sale and not validated.is_market_sale
                then validated.exclusion_reasons[1]
            else ''
        end as reason
    from versions
    left join {{ ref("int_sale__validated") }} as validated
        on versions.sale_id = validated.sale_id
        and versions.is_current
)

select
    batch_id,
    source,
    outcome,
    reason,
    count(*) as row_count,
    bool_or(is_simulated) as is_simulated
from judged
group by batch_id, source, outcome, reason
