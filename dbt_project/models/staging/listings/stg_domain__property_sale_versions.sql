-- Sales in the history of Domain's properties, as every version of a property has it,
-- with suppressed prices apart.
with properties as (
    select
        *,
        lead(observed_at) over (
            partition by domain_property_id order by observed_at, _row_hash
        ) as next_observed_at
    from {{ source("raw", "domain__properties") }}
),

sales as (
    select
        properties.*,
        sale.ordinal,
        sale.fact,
        -- Nothing here was checked when it was loaded: what is no number is unknown.
        coalesce(sale.fact -> 'suppressPrice' = 'true', false) as is_withheld,
        case when jsonb_typeof(sale.fact -> 'price') = 'number'
            then (sale.fact ->> 'price')::numeric end as price_aud
    from properties
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(properties.sales) = 'array' then properties.sales
            else '[]' end
    ) with ordinality as sale (fact, ordinal)
    where jsonb_typeof(sale.fact) = 'object'
)

select
    _row_hash as version_id,
    domain_property_id,
    ordinal::int as sale_number,
    'domain' as source,
    {{ address_hash("null", "null", "unit_number", "lot_number", "street_number",
        "concat_ws(' ', street_name, street_type)", "upper(locality)", "upper(state)",
        "postcode") }} as address_hash,

    {{ domain_word("property_type") }} as property_type,
    fact ->> 'type' as sale_type,
    fact ->> 'agency' as agency_name,
    address as display_address,
    unit_number,
    lot_number,
    street_number,
    concat_ws(' ', street_name, street_type) as street,
    upper(locality) as locality,
    upper(state) as state,
    postcode,

    case when not is_withheld and price_aud > 0 then price_aud end as price_aud,
    case when is_withheld and price_aud > 0 then price_aud end as withheld_price_aud,
    case when jsonb_typeof(fact -> 'daysOnMarket') = 'number'
        then (fact ->> 'daysOnMarket')::numeric end as days_on_market,

    is_withheld as is_price_withheld,
    coalesce(fact -> 'documentedAsSold' = 'true', false) as is_documented,
    coalesce(fact -> 'reportedAsSold' = 'true', false) as is_reported,
    _is_simulated as is_simulated,

    case when pg_input_is_valid(left(fact ->> 'date', 10), 'date')
        then left(fact ->> 'date', 10)::date end as sold_date,
    observed_at,
    next_observed_at,
    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from sales
