{#- Which keys of each incremental model the changes of its inputs touch. Every look-up goes
    through an index; arrays, so that the planner takes them for few. -#}

{% macro changed_uuids(input) -%}
    array(select key::uuid from {{ changes_of(input) }} as changed)
{%- endmacro %}

{% macro changed_sale_batches() -%}
    array(
        select key::uuid from taken_changes
        where input in ('raw.nsw_valuer__sales', 'raw.csv__sales')
    )
{%- endmacro %}

{% macro touched_by_sale_versions() -%}
    {#- Sales of batches as they were, and as they are. -#}
    select sale_id from {{ this }} where batch_id = any({{ changed_sale_batches() }})
    union all
    select sale_id from {{ ref("stg_nsw_valuer__sales") }}
    where batch_id = any({{ changed_sale_batches() }})
    union all
    select sale_id from {{ ref("stg_csv__sales") }}
    where batch_id = any({{ changed_sale_batches() }})
{%- endmacro %}

{% macro changed_address_hashes() -%}
    {#- Addresses whose identity changed, or whose property was merged or parted. -#}
    select address_hash from {{ source("intermediate", "int_address__identity") }}
    where property_id = any({{ changed_uuids("intermediate.int_property__redirects") }})
    union all
    select key::uuid from {{ changes_of("intermediate.int_address__identity") }} as changed
{%- endmacro %}

{% macro touched_validated_sales() -%}
    {#- Changed sales, those that share a dealing with one (before or after the change),
        those at changed addresses, those somebody judged. -#}
    select key::uuid from {{ changes_of("sale_versions") }} as changed
    union all
    select key::uuid from {{ changes_of("ops.sale_overrides") }} as changed
    union all
    select sale_id from {{ ref("sale_versions") }}
    where is_current and deal_key = any(
        array(select key from {{ changes_of("sale_versions.deal") }} as changed)
    )
    union all
    select sale_id from {{ ref("sale_versions") }}
    where is_current and address_hash = any(array({{ changed_address_hashes() }}))
{%- endmacro %}

{% macro touched_price_events() -%}
    select {{ price_event_id("key::uuid") }}
    from {{ changes_of("int_sale__validated") }} as changed
    union all
    select key::uuid from {{ changes_of("int_listing__price_events") }} as changed
{%- endmacro %}

{% macro touched_properties() -%}
    {#- Properties that gained, lost or changed a record (as both sides of a merge do); of a
        changed address; merged away or parted. -#}
    select key::uuid from taken_changes
    where input in (
        'int_sale__validated.property', 'int_sale__validated.merged',
        'int_listing__attributes.property', 'intermediate.int_property__redirects'
    )
    union all
    select coalesce(redirects.to_property_id, identities.property_id)
    from {{ source("intermediate", "int_address__identity") }} as identities
    left join {{ source("intermediate", "int_property__redirects") }} as redirects
        on identities.property_id = redirects.from_property_id
    where identities.address_hash = any(
        {{ changed_uuids("intermediate.int_address__identity") }}
    )
{%- endmacro %}

{% macro touched_address_hashes() -%}
    select key::uuid from taken_changes
    where input in ('sale_versions.address', 'int_listing__attributes.address')
    union all
    {{ changed_address_hashes() }}
{%- endmacro %}

{% macro touched_sale_outcomes() -%}
    {#- Batches whose counts move. -#}
    select batch_id from {{ outcome_steps() }}
{%- endmacro %}
