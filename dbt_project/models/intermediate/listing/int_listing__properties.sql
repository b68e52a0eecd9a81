{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="listing_key",
        on_schema_change="fail",
        meta={"tells": {
            "int_listing__properties": "listing_key",
            "int_listing__properties.property": "property_id",
        }},
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_listing__versions', 'raw.domain__properties',
                    'intermediate.int_address__identity',
                    'intermediate.int_property__redirects',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_listing_properties()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["listing_key"], "unique": true},
            {"columns": ["property_id"]},
            {"columns": ["address_hash"]},
            {"columns": ["portal_address_hash"]},
            {"columns": ["source_property_id"]},
        ],
    )
}}

-- Which property each listing is of: that of its newest whole address, else that which
-- the portal itself names. A suburb alone identifies nothing: property_id is null then.
with listings as (
    select
        listing_key,
        min(source) as source,
        (array_agg(address_hash order by version_order desc)
            filter (where is_address_whole))[1] as address_hash,
        (array_agg(source_property_id order by version_order desc)
            filter (where source_property_id is not null))[1] as source_property_id,
        min(least(listed_at, said_at)) as started_at,
        (array_agg(listing_type order by version_order desc)
            filter (where listing_type is not null))[1] as listing_type
    from {{ ref("int_listing__versions") }}
    {% if is_incremental() %}
        where listing_key = any(array(select key from {{ touched() }}))
    {% endif %}
    group by listing_key
),

identified as (
    select
        listings.*,
        portal.address_hash as portal_address_hash,
        own.property_id as own_property_id,
        portals.property_id as portal_property_id
    from listings
    left join lateral (
        select properties.address_hash
        from {{ ref("stg_domain__properties") }} as properties
        where properties.domain_property_id = listings.source_property_id
    ) as portal on true
    left join {{ source("intermediate", "int_address__identity") }} as own
        on listings.source = own.source
        and listings.address_hash = own.address_hash
        and own.key_kind <> 'non_identifying'
    left join {{ source("intermediate", "int_address__identity") }} as portals
        on portals.source = 'domain_property'
        and portal.address_hash = portals.address_hash
        and portals.key_kind <> 'non_identifying'
)

select
    md5(identified.listing_key)::uuid as listing_id,
    identified.listing_key,
    identified.source,
    identified.source_property_id,
    identified.address_hash,
    identified.portal_address_hash,
    coalesce(
        redirects.to_property_id, identified.own_property_id, identified.portal_property_id
    ) as property_id,
    case
        when identified.own_property_id is not null then 'address'
        when identified.portal_property_id is not null then 'portal'
    end as identified_by,
    identified.listing_type,
    identified.started_at
from identified
left join {{ source("intermediate", "int_property__redirects") }} as redirects
    on redirects.from_property_id
    = coalesce(identified.own_property_id, identified.portal_property_id)
