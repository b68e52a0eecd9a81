{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="record_key",
        on_schema_change="fail",
        meta={"tells": {
            "int_listing__attributes.property": "property_id",
            "int_listing__attributes.address": "address_hash",
        }},
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_listing__versions', 'int_listing__properties',
                    'raw.domain__properties',
                    'intermediate.int_address__identity',
                    'intermediate.int_property__redirects',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_attribute_records()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["record_key"]},
            {"columns": ["property_id"]},
            {"columns": ["address_hash"]},
        ],
    )
}}

-- What listings and the portal say of homes, each set of attributes when it was first said.
{%- set attributes = ["dwelling_type", "bedrooms", "bathrooms", "car_spaces", "land_area_m2",
    "building_area_m2", "latitude", "longitude"] %}
with versions as (
    select
        *,
        concat_ws('|', {% for name in attributes %}coalesce({{ name }}::text, ''){{ ", " if not loop.last }}{% endfor %})
            as attributes
    from {{ ref("int_listing__versions") }}
    where
        said_by <> 'confirmation'
        and num_nonnulls({{ attributes | join(", ") }}) > 0
        {% if is_incremental() %}
            and listing_key = any(array(select key from {{ touched() }}))
        {% endif %}
),

said as (
    select
        versions.listing_key as record_key,
        versions.listing_id,
        listings.property_id,
        listings.address_hash,
        versions.source,
        versions.source_listing_id as source_record_id,
        {{ market_date("versions.said_at") }} as observed_on,
        {% for name in attributes %}versions.{{ name }},
        {% endfor -%}
        null::numeric as year_built,
        versions.source_file,
        versions.source_row_number,
        versions.is_simulated,
        lag(versions.attributes) over (
            partition by versions.listing_key, versions.said_by order by versions.version_order
        ) is distinct from versions.attributes as is_news
    from versions
    inner join {{ ref("int_listing__properties") }} as listings
        on versions.listing_key = listings.listing_key
)

select
    record_key, listing_id, property_id, address_hash, source, source_record_id,
    observed_on, {{ attributes | join(", ") }}, year_built,
    source_file, source_row_number, is_simulated
from said
where is_news
union all
select
    'domain_property|' || homes.domain_property_id,
    null,
    coalesce(redirects.to_property_id, identities.property_id),
    homes.address_hash,
    homes.source,
    homes.domain_property_id,
    {{ market_date("homes.observed_at") }},
    homes.dwelling_type,
    homes.bedrooms,
    homes.bathrooms,
    homes.car_spaces,
    homes.land_area_m2,
    null,
    homes.latitude::double precision,
    homes.longitude::double precision,
    homes.year_built,
    homes.source_file,
    homes.source_row_number,
    homes.is_simulated
from {{ ref("stg_domain__properties") }} as homes
left join {{ source("intermediate", "int_address__identity") }} as identities
    on homes.source = identities.source
    and homes.address_hash = identities.address_hash
    and identities.key_kind <> 'non_identifying'
left join {{ source("intermediate", "int_property__redirects") }} as redirects
    on identities.property_id = redirects.from_property_id
{% if is_incremental() %}
    where homes.domain_property_id = any(array(
        select substr(key, 17) from {{ touched() }} where key like 'domain\_property|%'
    ))
{% endif %}
