{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="address_hash",
        on_schema_change="fail",
        indexes=[
            {"columns": ["property_id"], "serves": ["property_sources"]},
            {"columns": ["address_hash"], "serves": ["model property_sources"]},
            {"columns": ["source", "source_property_id"],
             "serves": ["property_of_source_record"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'sale_versions.address', 'int_listing__attributes.address',
                    'intermediate.int_address__identity',
                    'intermediate.int_property__redirects',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_address_hashes()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- By which names each source knows a property, and why they were taken for one.
{%- set is_touched = "address_hash = any(array(select key from " ~ touched() ~ "))" %}
with records as (
    select
        source,
        address_hash,
        'sale' as source_kind,
        coalesce(max(source_property_id), address_hash::text) as source_property_id,
        max(address_received) as address_received,
        min(first_known_on) as first_seen_on,
        max(known_on) as last_seen_on,
        count(*)::int as record_count,
        bool_or(is_simulated) as is_simulated
    from {{ ref("sale_versions") }}
    where
        is_current
        {% if is_incremental() -%}
            and {{ is_touched }}
        {%- endif %}
    group by source, address_hash
    union all
    select
        source,
        address_hash,
        'listing',
        source_record_id,
        null,
        min(observed_on),
        max(observed_on),
        count(*)::int,
        bool_or(is_simulated)
    from {{ source("listing_branch", "int_listing__attributes") }}
    where
        address_hash is not null
        {% if is_incremental() -%}
            and {{ is_touched }}
        {%- endif %}
    group by source, address_hash, source_record_id
),

{{ identities_of("records") }}

select
    coalesce(redirects.to_property_id, identities.property_id) as property_id,
    records.source,
    records.source_property_id,
    records.source_kind,
    records.address_hash,
    coalesce(records.address_received, identities.address) as address_received,
    identities.confidence,
    identities.assumptions,
    case
        when redirects.to_property_id <> redirects.from_property_id then redirects.reason
        when identities.key_kind = 'parcel' then 'parcel'
        else 'exact_key'
    end as match_kind,
    case
        when redirects.to_property_id <> redirects.from_property_id then redirects.score
    end as match_score,
    identities.gnaf_pid,
    records.first_seen_on,
    records.last_seen_on,
    records.record_count,
    records.is_simulated
from records
inner join identities
    on records.source = identities.source
    and records.address_hash = identities.address_hash
left join {{ source("intermediate", "int_property__redirects") }} as redirects
    on identities.property_id = redirects.from_property_id
where identities.key_kind <> 'non_identifying'
