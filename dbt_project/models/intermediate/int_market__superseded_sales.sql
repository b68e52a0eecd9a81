{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="sale_id",
        on_schema_change="fail",
        tags=["market"],
        meta={"tells": {
            "int_market__superseded_sales.suburb_month":
                "suburb_key || to_char(contract_date, '|YYYY-MM')",
        }},
        indexes=[
            {"columns": ["sale_id", "version_number"], "unique": true},
            {"columns": ["suburb_key", "contract_date"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of(['sale_versions', 'int_sale__validated']) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_superseded_sales()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- What was held true of market sales before a correction: prices, dates and types as
-- published then, judged by the rules of now. Suburb, address, dealing and a person's
-- verdict are those of the sale as it stands.
with versions as (
    select
        versions.sale_id,
        versions.version_number,
        sales.suburb_key,
        sales.state,
        versions.dwelling_type,
        versions.contract_date,
        versions.settlement_date,
        versions.price_aud,
        versions.is_sale,
        versions.is_dwelling_type_known,
        versions.is_simulated,
        versions.known_on,
        (versions.known_to at time zone '{{ var("market_timezone") }}')::date
            as known_until,
        versions.first_recorded_at as first_loaded_at,
        versions.share_pct is not null as is_partial_interest,
        coalesce(
            versions.price_aud < {{ var("nominal_price_below_aud") }}, false
        ) as is_nominal,
        sales.is_multi_parcel,
        sales.property_id is not null as is_identified,
        coalesce(sales.override_verdict = 'excluded', false) as is_excluded
    from {{ ref("sale_versions") }} as versions
    inner join {{ ref("int_sale__validated") }} as sales using (sale_id)
    where
        not versions.is_current
        and versions.known_to > versions.known_from
        and sales.suburb_key is not null
        {% if is_incremental() -%}
            and versions.sale_id = any(array(select key from {{ touched() }}))
        {%- endif %}
),

judged as (
    select *, {{ sale_exclusion_reasons() }} as exclusion_reasons from versions
)

select
    sale_id,
    version_number,
    suburb_key,
    state,
    dwelling_type,
    contract_date,
    price_aud,
    known_on,
    known_until,
    is_identified,
    is_simulated
from judged
where
    not is_excluded
    and exclusion_reasons <@ array['address_not_identified']
