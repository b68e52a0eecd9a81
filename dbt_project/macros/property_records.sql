{% macro property_attributes() -%}
    {#- What may be known of a property and change: column by column. -#}
    {{- return([
        "dwelling_type", "zone_code", "region", "is_strata", "bedrooms", "bathrooms",
        "car_spaces", "land_area_m2", "building_area_m2", "year_built",
    ]) -}}
{%- endmacro %}

{% macro property_records() -%}
    {#- Everything that says something of a property: sales, bids, listings. A record of a
        home that was merged into another speaks for the one that stands, and once more for
        the one that is gone (merged_into_property_id tells). In increments: of touched
        properties only. -#}
    {%- set said = property_attributes() + ["latitude", "longitude"] -%}
    {%- set attributes = said | join(", ") -%}
    {%- set sales -%}
        source, address_hash, dwelling_type = 'other' as is_other, {{ attributes }},
        known_on as observed_on, contract_date, sale_id as record_id, known_on,
        suburb, state, postcode, source_file, source_row_number, is_simulated,
        first_known_on, first_loaded_at
    {%- endset -%}
    {%- set listings -%}
        source, address_hash, coalesce(dwelling_type = 'other', false), dwelling_type,
        null::text, null::text, null::boolean, bedrooms::smallint, bathrooms::smallint, car_spaces::smallint,
        land_area_m2::double precision, building_area_m2::double precision,
        year_built::smallint, latitude::double precision, longitude::double precision,
        observed_on, null::date, md5(record_key)::uuid, observed_on, null::text, null::text,
        null::text, source_file, source_row_number, is_simulated, observed_on,
        observed_on::timestamptz
    {%- endset -%}
    {%- set is_touched = "property_id = any(array(select key from " ~ touched() ~ "))" -%}
    select
        property_id, null::uuid as merged_into_property_id,
        merged_from_property_id is null as is_own_address, is_market_sale, price_aud,
        {{ sales }}
    from {{ ref("int_sale__validated") }}
    where property_id is not null
    {%- if is_incremental() %} and {{ is_touched }}{% endif %}
    union all
    select
        merged_from_property_id, property_id, true, false, null, {{ sales }}
    from {{ ref("int_sale__validated") }}
    where merged_from_property_id is not null
    {%- if is_incremental() %} and merged_from_{{ is_touched }}{% endif %}
    union all
    select property_id, null, false, false, null, {{ listings }}
    from {{ source("listing_branch", "int_listing__attributes") }}
    where property_id is not null and address_hash is not null
    {%- if is_incremental() %} and {{ is_touched }}{% endif %}
{%- endmacro %}

{% macro last_told(column, place, window) -%}
    {#- The value of the highest place in the window that has one, as text. PostgreSQL's
        windows cannot pass over nulls; the maximum of place and value does, quickly. -#}
    substr(max(lpad({{ place }}::text, 6, '0') || {{ column }}::text) over {{ window }}, 7)
{%- endmacro %}

{% macro attribute_type(column) -%}
    {{ {
        "dwelling_type": "text", "zone_code": "text", "region": "text",
        "is_strata": "boolean", "land_area_m2": "double precision",
        "building_area_m2": "double precision", "latitude": "double precision",
        "longitude": "double precision",
    }.get(column, "smallint") }}
{%- endmacro %}

{% macro first_told(column, place, condition="true") -%}
    {#- Aggregate: of the lowest place that has a value, its day, source and value in one
        text, for told_date, told_source and told_value to take apart. The maximum of such
        texts costs a third of what ordered arrays do, and needs no sort of its own. -#}
    max(
        lpad((999999 - {{ place }})::text, 6, '0')
        || coalesce(lpad((observed_on - '1700-01-01'::date)::text, 6, '0'), '      ')
        || source || '|' || {{ column }}::text
    ) filter (where {{ condition }})
{%- endmacro %}

{% macro told_date(told) -%}
    '1700-01-01'::date + nullif(substr({{ told }}, 7, 6), '      ')::int
{%- endmacro %}

{% macro told_source(told) -%}
    split_part(substr({{ told }}, 13), '|', 1)
{%- endmacro %}

{% macro told_value(told) -%}
    substr({{ told }}, 13 + strpos(substr({{ told }}, 13), '|'))
{%- endmacro %}
