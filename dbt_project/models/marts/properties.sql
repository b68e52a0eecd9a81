{{
    config(
        indexes=[
            {"columns": ["property_id"], "unique": true},
            {"columns": ["suburb_key"]},
            {"columns": ["suburb_key", "last_sale_price_aud"]},
            {"columns": ["latitude", "longitude"]},
            {"columns": ["created_at"]},
        ],
        post_hook=[
            "{{ create_partial_index(['suburb_key'], where='deleted_at is null') }}",
            "{{ create_trigram_index('address') }}",
            "{{ analyze_this() }}",
        ],
    )
}}

-- The newest known value of each attribute. A dwelling outranks the car space sold with
-- it under the same address; among equals the newest record speaks first.
{%- set newest = "order by is_other, known_on desc nulls last, contract_date desc, sale_id" %}
{%- set attributes = [
    "zone_code", "region", "is_strata", "bedrooms", "bathrooms", "car_spaces",
    "land_area_m2", "building_area_m2", "year_built", "latitude", "longitude",
] %}
with records as (
    select
        validated.*,
        count(*) over (partition by property_id) as record_count,
        row_number() over (partition by property_id {{ newest }}) as record_rank
    from (
        select *, dwelling_type = 'other' as is_other
        from {{ ref("int_sale__validated") }}
        where property_id is not null
    ) as validated
),

-- Most properties have one record: only the others need looking through.
histories as (
    select
        property_id,
        {%- for column in attributes %}
        (array_agg({{ column }} order by record_rank)
            filter (where {{ column }} is not null))[1] as {{ column }},
        {%- endfor %}
        (array_agg(price_aud order by contract_date desc, known_on desc, sale_id)
            filter (where is_market_sale))[1] as last_sale_price_aud,
        max(contract_date) filter (where is_market_sale) as last_sale_date,
        count(*) filter (where is_market_sale) as sale_count,
        min(first_known_on) as first_seen,
        min(first_loaded_at) as created_at
    from records
    where record_count > 1
    group by property_id
)

select
    records.property_id,
    records.address,
    records.unit_number,
    records.street_number,
    records.street_name,
    records.street_type,
    records.suburb,
    records.suburb_key,
    records.state,
    records.postcode,
    records.dwelling_type,
    {%- for column in attributes %}
    coalesce(records.{{ column }}, histories.{{ column }}) as {{ column }},
    {%- endfor %}
    case
        when record_count > 1 then histories.last_sale_price_aud
        when is_market_sale then price_aud
    end as last_sale_price_aud,
    case
        when record_count > 1 then histories.last_sale_date
        when is_market_sale then contract_date
    end as last_sale_date,
    coalesce(histories.sale_count, is_market_sale::int)::int as sale_count,
    coalesce(histories.first_seen, first_known_on) as first_seen,
    coalesce(histories.created_at, first_loaded_at) as created_at,
    null::timestamptz as deleted_at,
    records.source,
    records.source_file,
    records.source_row_number,
    records.is_simulated
from records
left join histories on records.property_id = histories.property_id
where records.record_rank = 1
