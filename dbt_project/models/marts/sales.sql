{{
    config(
        indexes=[
            {"columns": ["sale_id"], "unique": true},
            {"columns": ["property_id"]},
            {"columns": ["suburb_key", "contract_date"]},
            {"columns": ["contract_date"]},
        ],
    )
}}

-- Transfers of property, good evidence or not; bids are in price_history only.
select
    sale_id,
    property_id,
    source,
    source_sale_id,
    suburb_key,
    state,
    postcode,
    dwelling_type,
    contract_date,
    settlement_date,
    price_aud,
    share_pct,
    is_multi_parcel,
    is_partial_interest,
    is_nominal,
    is_market_sale,
    exclusion_reasons,
    rule_version,
    known_on,
    known_at,
    source_file,
    source_row_number,
    batch_id,
    is_simulated
from {{ ref("int_sale__validated") }}
where is_sale
