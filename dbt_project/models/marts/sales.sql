{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="sale_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["sale_id"], "unique": true, "serves": ["model sales"]},
            {"columns": ["property_id", "contract_date"],
             "serves": ["property_sales_as_known", "sales_of_homes"]},
            {"columns": ["suburb_key", "contract_date"],
             "include": ["price_aud", "dwelling_type"], "where": "is_market_sale",
             "serves": ["comparable_sales_of_a_suburb", "suburb_sales"]},
            {"columns": ["suburb_key", "contract_date", "dwelling_type"],
             "where": "exclusion_reasons = '{address_not_identified}'",
             "serves": ["model int_market__suburb_months"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of(['int_sale__validated']) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', 'select key::uuid from taken_changes') }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Transfers of property, good evidence or not; bids are in price_history only.
select
    sale_id,
    property_id,
    source,
    source_sale_id,
    deal_key,
    parcel_count,
    suburb_key,
    state,
    postcode,
    dwelling_type,
    contract_date,
    settlement_date,
    price_aud,
    share_pct,
    is_multi_parcel,
    is_price_bearer,
    is_partial_interest,
    is_nominal,
    is_market_sale,
    verdict,
    exclusion_reasons,
    rule_exclusion_reasons,
    rule_version,
    override_verdict,
    override_reason,
    override_actor,
    override_at,
    known_on,
    known_at,
    version_count,
    source_file,
    source_row_number,
    batch_id,
    is_simulated
from {{ ref("int_sale__validated") }}
where
    is_sale
    {% if is_incremental() -%}
        and sale_id = any(array(select key from {{ touched() }}))
    {%- endif %}
