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
                "sql": "{{ reads_changes_of(['sale_versions', 'int_sale__validated']) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ takes_outcome_steps() }}",
            "{{ touches('uuid', touched_sale_outcomes()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- What became of every raw row of sales, counted: in the marts as evidence, in the marts
-- but no evidence (the first rule that says so), a bid, or superseded by a better version.
{%- if is_incremental() %}
-- An increment counts on from what stands here: one corrected sale would else have whole
-- batches read again. A row overlooked shows, because the sums are held to the ledger.
-- depends_on: {{ ref("sale_versions") }}
-- depends_on: {{ ref("int_sale__validated") }}
with counted as (
    select batch_id, source, outcome, reason, is_simulated, row_count
    from {{ this }}
    where batch_id in (select key from {{ touched() }})
    union all
    select batch_id, source, outcome, reason, is_simulated, step
    from {{ outcome_steps() }} as steps
)

select
    batch_id,
    source,
    outcome,
    reason,
    sum(row_count)::bigint as row_count,
    bool_or(is_simulated) as is_simulated
from counted
group by batch_id, source, outcome, reason
having sum(row_count) <> 0
{%- else %}
with judged as (
    select
        versions.batch_id,
        versions.source,
        versions.is_simulated,
        case
            when not versions.is_current then 'superseded'
            when validated.sale_id is null then 'unaccounted'
            else {{ sale_outcome("validated.is_sale", "validated.is_market_sale") }}
        end as outcome,
        case
            when versions.is_current
                then {{ sale_outcome_reason("validated.is_sale", "validated.is_market_sale",
                    "validated.exclusion_reasons") }}
            else ''
        end as reason
    from {{ ref("sale_versions") }} as versions
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
{%- endif %}
