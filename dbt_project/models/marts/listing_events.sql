{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="listing_key",
        on_schema_change="fail",
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_listing__versions', 'int_listing__properties',
                    'int_listing__properties.property',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_listing_events()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["listing_event_id"], "unique": true, "serves": ["grain"]},
            {"columns": ["listing_key"], "serves": ["model listing_events"]},
            {"columns": ["property_id", "event_at"], "serves": ["property_listing_events"]},
            {"columns": ["created_at", "listing_event_id"], "serves": ["listing_changes_since"]},
        ],
    )
}}

-- What happened to every listing: when it happened, and since when it is known.
{%- set ended = "('sold', 'leased', 'withdrawn', 'delisted')" %}
with versions as (
    select
        *,
        lag(status) over in_order as previous_status
    from {{ ref("int_listing__versions") }}
    {% if is_incremental() %}
        where listing_key = any(array(select key from {{ touched() }}))
    {% endif %}
    window in_order as (partition by listing_key order by version_order)
),

properties as (
    select * from {{ ref("int_listing__properties") }}
    {% if is_incremental() %}
        where listing_key = any(array(select key from {{ touched() }}))
    {% endif %}
),

-- The listing of the same source and property that had begun before and ended by then.
relisted as (
    select distinct on (mine.listing_key)
        mine.listing_key,
        mine.started_at,
        peers.listing_id as previous_listing_id,
        before.status as previous_status
    from properties as mine
    inner join {{ ref("int_listing__properties") }} as peers
        on mine.property_id = peers.property_id
        and mine.source = peers.source
        and mine.listing_type = peers.listing_type
        and mine.listing_key <> peers.listing_key
        and peers.started_at < mine.started_at
    inner join lateral (
        select past.status
        from {{ ref("int_listing__versions") }} as past
        where past.listing_key = peers.listing_key and past.said_at <= mine.started_at
        order by past.version_order desc
        limit 1
    ) as before on before.status in {{ ended }}
    order by mine.listing_key, peers.started_at desc, peers.listing_key
),

events as (
    select
        listing_key,
        version_order,
        'listed' as event_type,
        coalesce(listed_at, said_at) as event_at,
        null::text as previous_value,
        listing_type as new_value,
        null::bigint as previous_low_aud,
        null::bigint as previous_high_aud,
        case when asking_kind <> 'search_bracket' then asking_low_aud end as new_low_aud,
        case when asking_kind <> 'search_bracket' then asking_high_aud end as new_high_aud
    from versions
    where version_order = 1
    union all
    select
        versions.listing_key,
        versions.version_order,
        'relisted',
        relisted.started_at,
        relisted.previous_status,
        relisted.previous_listing_id::text,
        null, null, null, null
    from relisted
    inner join versions
        on relisted.listing_key = versions.listing_key and versions.version_order = 1
    union all
    select
        listing_key,
        version_order,
        case
            when status in ('under_offer', 'sold', 'withdrawn', 'delisted') then status
            when status = 'live' and previous_status in {{ ended }} then 'relisted'
            else 'status_changed'
        end,
        case
            when status in ('sold', 'leased') and sold_date is not null
                then least({{ market_instant("sold_date") }}, said_at)
            else said_at
        end,
        previous_status,
        status,
        null, null, null, null
    from versions
    where status is distinct from previous_status
        and (version_order > 1 or status <> 'live')
    union all
    select
        listing_key, version_order, 'price_changed', said_at, previous_kind, asking_kind,
        previous_low_aud, previous_high_aud, low_aud, high_aud
    from {{ ref("int_listing__price_statements") }}
    where
        version_order > 1
        {% if is_incremental() %}
            and listing_key = any(array(select key from {{ touched() }}))
        {% endif %}
)

select
    md5(concat_ws('|', events.listing_key, events.event_type, versions.version_id,
        versions.said_by, events.event_at))::uuid as listing_event_id,
    properties.listing_id,
    events.listing_key,
    properties.property_id,
    versions.source,
    events.event_type,
    events.event_at,
    versions.known_at,
    events.previous_value,
    events.new_value,
    events.previous_low_aud,
    events.previous_high_aud,
    events.new_low_aud,
    events.new_high_aud,
    versions.source_file,
    versions.source_row_number,
    versions.loaded_at as created_at,
    versions.is_simulated
from events
inner join versions
    on events.listing_key = versions.listing_key
    and events.version_order = versions.version_order
inner join properties on events.listing_key = properties.listing_key
