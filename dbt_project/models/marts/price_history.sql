{{
    config(
        indexes=[
            {"columns": ["price_event_id"], "unique": true},
            {"columns": ["property_id", "event_date"]},
            {"columns": ["created_at"]},
        ],
    )
}}

-- Every price ever named for a property on a believable date, sale or not.
select
    md5('price_event|' || sale_id)::uuid as price_event_id,
    property_id,
    contract_date as event_date,
    price_aud,
    case
        when not is_sale then 'bid'
        when is_nominal then 'nominal'
        when is_partial_interest then 'partial_interest'
        when is_multi_parcel then 'multi_parcel'
        else 'sold'
    end as event_kind,
    is_market_sale,
    source,
    source_file,
    source_row_number,
    first_loaded_at as created_at,
    is_simulated
from {{ ref("int_sale__validated") }}
where property_id is not null and price_aud is not null and is_dated
