{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="property_id",
        on_schema_change="fail",
        meta={"tells": {"properties": "property_id"}},
        indexes=[
            {"columns": ["property_id"], "unique": true,
             "serves": ["property_by_id", "address_search"]},
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
             "serves": ["suburb_property_count", "model suburbs"]},
            {"columns": ["suburb_key", "last_sale_price_aud", "property_id"],
             "where": "deleted_at is null", "serves": ["suburb_properties_by_price"]},
            {"columns": ["point(longitude, latitude)"], "type": "gist",
             "where": "deleted_at is null", "serves": ["map_box"]},
            {"columns": ["point(longitude, latitude)"], "type": "gist",
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
-- newest record speaks first. All values of a property come from one sorted pass.
{%- set newest = "order by is_other, observed_on desc nulls last, contract_date desc, record_id" %}
{%- set attributes = property_attributes() + ["latitude", "longitude"] %}
with records as (
    {{ property_records() }}
),

histories as (
    select
        property_id,
        {%- for column in attributes %}
        (array_agg({{ column }} {{ newest }}) filter (where {{ column }} is not null))[1]
            as {{ column }},
        (array_agg(source {{ newest }}) filter (where {{ column }} is not null))[1]
            as {{ column }}_source,
        (array_agg(observed_on {{ newest }}) filter (where {{ column }} is not null))[1]
            as {{ column }}_date,
        {%- endfor %}
        -- A home that others were merged into keeps its own address.
        (array_agg(source {{ newest }}) filter (where is_own_address))[1] as own_source,
        (array_agg(address_hash {{ newest }}) filter (where is_own_address))[1]
            as own_address_hash,
        (array_agg(source {{ newest }}))[1] as source,
        (array_agg(address_hash {{ newest }}))[1] as address_hash,
        (array_agg(suburb {{ newest }}))[1] as suburb,
        (array_agg(state {{ newest }}))[1] as state,
        (array_agg(postcode {{ newest }}))[1] as postcode,
        (array_agg(source_file {{ newest }}))[1] as source_file,
        (array_agg(source_row_number {{ newest }}))[1] as source_row_number,
        bool_or(is_simulated) as is_simulated,
        -- Latest contract, then latest publication; of two such prices the higher.
        max(array[
            contract_date - '2000-01-01'::date, known_on - '2000-01-01'::date, price_aud
        ]) filter (where is_market_sale) as last_sale,
        count(*) filter (where is_market_sale)::int as sale_count,
        min(first_known_on) as first_seen,
        min(first_loaded_at) as created_at,
        (array_agg(merged_into_property_id {{ newest }}))[1] as merged_into_property_id
    from records
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
    histories.{{ column }},
    case when histories.{{ column }} is not null then histories.{{ column }}_source end
        as {{ column }}_source,
    histories.{{ column }}_date,
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
inner join {{ source("intermediate", "int_address__identity") }} as identities
    on coalesce(histories.own_source, histories.source) = identities.source
    and coalesce(histories.own_address_hash, histories.address_hash)
    = identities.address_hash
left join {{ source("intermediate", "int_property__redirects") }} as redirects
    on histories.merged_into_property_id is not null
    and histories.property_id = redirects.from_property_id
