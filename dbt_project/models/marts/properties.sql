{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="property_id",
        on_schema_change="fail",
        meta={"tells": {"properties": "property_id"}},
        indexes=[
            {"columns": ["property_id"], "unique": true,
             "serves": ["property_by_id", "address_search", "sales_of_homes"]},
            {"columns": ["gnaf_pid"], "where": "gnaf_pid is not null",
             "serves": ["property_by_gnaf_pid"]},
            {"columns": ["parcel_key"], "where": "parcel_key is not null",
             "serves": ["property_by_parcel"]},
            {"columns": ["street_name", "street_number"], "where": "deleted_at is null",
             "serves": ["property_by_address"]},
            {"columns": ["suburb_key", "street_number"],
             "include": ["street_name", "property_id"], "where": "deleted_at is null",
             "serves": ["address_search"]},
            {"columns": ["suburb_key"], "where": "deleted_at is null",
             "serves": ["homes_of_a_suburb", "suburb_property_count", "model suburbs"]},
            {"columns": ["suburb_key", "last_sale_price_aud", "property_id"],
             "where": "deleted_at is null", "serves": ["suburb_properties_by_price"]},
            {"columns": ["point(longitude, latitude)"], "type": "gist",
             "include": ["longitude", "latitude", "property_id", "dwelling_type",
                         "last_sale_price_aud"],
             "where": "deleted_at is null", "serves": ["homes_nearby", "map_box"]},
            {"columns": ["dwelling_type", "point(longitude, latitude)"], "type": "gist",
             "extension": "btree_gist",
             "include": ["longitude", "latitude", "property_id", "address", "bedrooms",
                         "land_area_m2", "last_sale_price_aud", "last_sale_date"],
             "where": "deleted_at is null", "since": "last_sale_date",
             "serves": ["comparable_sales"]},
            {"columns": ["created_at", "property_id"],
             "serves": ["properties_new_since"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_sale__validated.property', 'int_sale__validated.merged',
                    'int_listing__attributes.property',
                    'intermediate.int_address__identity',
                    'intermediate.int_property__redirects',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_properties()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- The newest known value of each attribute, with the source and day it comes from. A
-- dwelling outranks the car space sold with it under the same address; among equals the
-- newest record speaks first (place 1).
{%- set attributes = property_attributes() + ["latitude", "longitude"] %}
with records as (
    {{ property_records() }}
),

{{ identities_of("records") }},

placed as (
    select
        *,
        row_number() over (
            partition by property_id
            order by is_other, observed_on desc nulls last, contract_date desc, record_id
        ) as place
    from records
),

histories as (
    select
        property_id,
        {%- for column in attributes %}
        {{ first_told(column, "place") }} as {{ column }},
        {%- endfor %}
        -- A home that others were merged into keeps its own address.
        {{ first_told("address_hash", "place", "is_own_address") }} as own_address,
        max(source) filter (where place = 1) as source,
        max(address_hash::text) filter (where place = 1) as address_hash,
        max(suburb) filter (where place = 1) as suburb,
        max(state) filter (where place = 1) as state,
        max(postcode) filter (where place = 1) as postcode,
        max(source_file) filter (where place = 1) as source_file,
        max(source_row_number) filter (where place = 1) as source_row_number,
        max(merged_into_property_id::text) filter (where place = 1)::uuid
            as merged_into_property_id,
        bool_or(is_simulated) as is_simulated,
        -- Latest contract, then latest publication; of two such prices the higher.
        max(array[
            contract_date - '2000-01-01'::date, known_on - '2000-01-01'::date, price_aud
        ]) filter (where is_market_sale) as last_sale,
        count(*) filter (where is_market_sale)::int as sale_count,
        min(first_known_on) as first_seen,
        min(first_loaded_at) as created_at
    from placed
    group by property_id
)

select
    histories.property_id,
    identities.address_key as property_key,
    identities.key_kind,
    identities.dwelling_kind,
    identities.parcel_key,
    identities.gnaf_pid,
    identities.address,
    identities.unit_number,
    identities.level_number,
    identities.street_number,
    identities.street_name,
    identities.street_type,
    identities.street_suffix,
    coalesce(identities.locality, histories.suburb) as suburb,
    coalesce(identities.state, histories.state)
    || '|' || upper(coalesce(identities.locality, histories.suburb)) as suburb_key,
    coalesce(identities.state, histories.state) as state,
    coalesce(identities.postcode, histories.postcode) as postcode,
    {%- for column in attributes %}
    {{ told_value("histories." ~ column) }}::{{ attribute_type(column) }} as {{ column }},
    {{ told_source("histories." ~ column) }} as {{ column }}_source,
    {{ told_date("histories." ~ column) }} as {{ column }}_date,
    {%- endfor %}
    histories.last_sale[3] as last_sale_price_aud,
    '2000-01-01'::date + histories.last_sale[1]::int as last_sale_date,
    histories.sale_count,
    histories.first_seen,
    histories.created_at,
    redirects.changed_at as deleted_at,
    histories.merged_into_property_id,
    histories.source,
    histories.source_file,
    histories.source_row_number,
    histories.is_simulated
from histories
inner join identities
    on coalesce({{ told_source("histories.own_address") }}, histories.source)
    = identities.source
    and coalesce({{ told_value("histories.own_address") }}, histories.address_hash)::uuid
    = identities.address_hash
left join {{ source("intermediate", "int_property__redirects") }} as redirects
    on histories.merged_into_property_id is not null
    and histories.property_id = redirects.from_property_id
{% if not is_incremental() -%}
    -- Neighbours share pages: a piece of the map, the nearest sales and a street are read
    -- from few of them.
    order by suburb_key, street_name, street_number
{%- endif %}
