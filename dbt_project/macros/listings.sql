{% macro reaxml_said() -%}
    {#- Text that a REAXML document has at the first of these paths that it has. -#}
    {%- if varargs | length > 1 -%}
        coalesce(
            {%- for path in varargs %}document #>> '{ {{- path -}} ,0}'{{ ", " if not loop.last }}{% endfor -%}
        )
    {%- else -%}
        document #>> '{ {{- varargs[0] -}} ,0}'
    {%- endif -%}
{%- endmacro %}

{% macro reaxml_means(path, part=none) -%}
    {#- What the text at this path means, or one part of it (low, high, unit ...). -#}
    document #>> '{ {{- path -}} ,1{{ "," ~ part if part }}}'
{%- endmacro %}

{#- Which keys of the models below a change of their inputs touches: SQL for `touches`. -#}

{% macro touched_reaxml_listings() -%}
    select listing_id from {{ this.schema }}.stg_reaxml__records
    where batch_id in (select key::uuid from {{ changes_of("raw.reaxml__listings") }} as c)
    union all
    select listing_id from {{ this }}
    where batch_id in (select key::uuid from {{ changes_of("raw.reaxml__listings") }} as c)
{%- endmacro %}

{% macro touched_listing_versions() -%}
    {%- set batches -%}
        array(select key::uuid from taken_changes where input in (
            'raw.domain__listings', 'raw.domain__listing_details'
        ))
    {%- endset -%}
    select 'domain|' || listing_id from {{ source("raw", "domain__listings") }}
    where _batch_id = any({{ batches }})
    union all
    select 'domain|' || listing_id from {{ source("raw", "domain__listing_details") }}
    where _batch_id = any({{ batches }})
    union all
    select listing_key from {{ this }} where batch_id = any({{ batches }})
    union all
    select 'domain|' || key from {{ changes_of("ops.domain_listings") }} as changed
    union all
    select 'reaxml|' || key from {{ changes_of("stg_reaxml__versions") }} as changed
    union all
    select listing_key from {{ this }} where text_hash = any(array(
        select key::uuid from {{ changes_of("intermediate.int_price_text__parsed") }} as c
    ))
{%- endmacro %}

{% macro listing_columns(without=[], of=none) -%}
    {#- What the versions of all sources have in common. -#}
    {%- set names = [
        "version_id", "said_by", "said_at", "known_at", "claim", "listing_type",
        "agency_id", "source_property_id", "address_hash", "is_address_whole",
        "is_address_shown", "suburb_key", "property_type", "dwelling_type", "price_text",
        "is_price_withheld", "price_low_aud", "price_high_aud", "withheld_low_aud",
        "withheld_high_aud", "sold_price_aud", "is_sold_price_withheld", "sold_price_by",
        "government_sold_price_aud", "sold_date", "sale_method", "auction_at",
        "bedrooms", "bathrooms", "car_spaces", "land_area_m2", "building_area_m2",
        "latitude", "longitude", "listed_at", "is_simulated", "source_file",
        "source_row_number", "batch_id", "loaded_at",
    ] -%}
    {%- for name in names if name not in without -%}
        {{ of ~ "." if of }}{{ name }}{{ ", " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro asking_kind(said, texts) -%}
    {#- Which kind of asking price a version states; null: it says nothing of it. What only
        a figure tells while the words tell nothing is a bracket for searches. -#}
    case
        when {{ said }}.said_by = 'confirmation' then null
        when {{ said }}.is_price_withheld or {{ texts }}.kind = 'withheld' then 'withheld'
        when {{ said }}.listing_type = 'rent' or {{ texts }}.kind = 'rent' then 'rent'
        when {{ texts }}.kind in ('sold', 'under_offer') then null
        when {{ texts }}.low_aud is not null or {{ texts }}.high_aud is not null
            then {{ texts }}.kind
        when {{ said }}.price_low_aud is null and {{ said }}.price_high_aud is null
            -- A sale ends the talk of prices; else silence says that none is named now.
            then coalesce(
                {{ texts }}.kind,
                case when {{ said }}.claim not in ('sold', 'leased', 'over') then 'none' end
            )
        when {{ said }}.price_text is not null or {{ said }}.source = 'domain'
            then 'search_bracket'
        when {{ said }}.price_low_aud = {{ said }}.price_high_aud then 'exact'
        else 'range'
    end
{%- endmacro %}

{% macro touched_listing_properties() -%}
    {%- set hashes -%}
        array(
            select address_hash from {{ source("intermediate", "int_address__identity") }}
            where property_id = any(array(
                select key::uuid from taken_changes
                where input = 'intermediate.int_property__redirects'
            ))
            union all
            select key::uuid from taken_changes
            where input = 'intermediate.int_address__identity'
        )
    {%- endset -%}
    select key from {{ changes_of("int_listing__versions") }} as changed
    union all
    select listing_key from {{ this }} where address_hash = any({{ hashes }})
    union all
    select listing_key from {{ this }} where portal_address_hash = any({{ hashes }})
    union all
    select listing_key from {{ this }} where source_property_id = any(array(
        select domain_property_id from {{ source("raw", "domain__properties") }}
        where _batch_id = any(array(
            select key::uuid from {{ changes_of("raw.domain__properties") }} as changed
        ))
    ))
{%- endmacro %}

{% macro touched_listings() -%}
    {#- Also those a search showed again as they were: they were seen last then. -#}
    select key from taken_changes
    where input in ('int_listing__versions', 'int_listing__properties')
    union all
    select 'domain|' || key from {{ changes_of("ops.domain_listings") }} as changed
{%- endmacro %}

{% macro touched_listing_events() -%}
    {#- Also listings of the same property: one that ended makes another a relisting. -#}
    select key from taken_changes
    where input in ('int_listing__versions', 'int_listing__properties')
    union all
    select peers.listing_key
    from {{ ref("int_listing__properties") }} as peers
    where peers.property_id = any(array(
        select key::uuid from {{ changes_of("int_listing__properties.property") }} as c
        union
        select mine.property_id from {{ ref("int_listing__properties") }} as mine
        where mine.listing_key = any(array(
            select key from {{ changes_of("int_listing__versions") }} as c
        ))
    ))
{%- endmacro %}

{% macro newest_of() -%}
    {#- Of each column what was said last, in a select grouped by listing. -#}
    {%- for name in varargs %}
        (array_agg({{ name }} order by version_order desc)
            filter (where {{ name }} is not null))[1] as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro market_date(instant) -%}
    {#- Local calendar day of an instant. -#}
    ({{ instant }} at time zone '{{ var("market_timezone") }}')::date
{%- endmacro %}

{% macro price_columns() -%}
    record_key, listing_key, listing_id, version_id, identity_source, address_hash,
    event_kind, price_kind, price_low_aud, price_high_aud, confidence, event_date, said_by,
    source, source_record_id, known_at, known_to, source_file, source_row_number,
    created_at, is_simulated
{%- endmacro %}

{% macro touched_portal_records() -%}
    {#- Records of the portal itself: of new batches, and of addresses newly identified. -#}
    select key from taken_changes
    where input in ('int_listing__versions', 'int_listing__properties')
    union all
    select 'domain_property|' || domain_property_id
    from {{ source("raw", "domain__properties") }}
    where _batch_id = any(array(
        select key::uuid from {{ changes_of("raw.domain__properties") }} as changed
    ))
    union all
    select record_key from {{ this }}
    where listing_id is null and address_hash = any(array(
        select address_hash from {{ source("intermediate", "int_address__identity") }}
        where property_id = any(array(
            select key::uuid from {{ changes_of("intermediate.int_property__redirects") }} as c
        ))
        union all
        select key::uuid from {{ changes_of("intermediate.int_address__identity") }} as c
    ))
{%- endmacro %}

{% macro touched_attribute_records() -%}
    {{ touched_portal_records() }}
{%- endmacro %}

{% macro touched_price_records() -%}
    {{ touched_portal_records() }}
    union all
    select 'domain_result|' || concat_ws('|', city, auctioned_on, result_key)
    from {{ ref("stg_domain__sales_result_versions") }}
    where batch_id = any(array(
        select key::uuid from {{ changes_of("raw.domain__sales_results") }} as changed
    ))
{%- endmacro %}

{% macro listings_said() -%}
    {#- The versions of all sources, of touched listings alone in an increment: each part is
        filtered by its own key, which its indexes know. -#}
    {%- set domain_only -%}
        {% if is_incremental() %}
            where domain_listing_id = any(array(
                select substr(key, 8)::bigint from {{ touched() }} where key like 'domain|%'
            ))
        {% endif %}
    {%- endset -%}
    select
        'domain|' || domain_listing_id as listing_key,
        'domain' as source,
        domain_listing_id::text as source_listing_id,
        {{ listing_columns() }},
        row_number() over (
            partition by domain_listing_id order by known_at, said_rank, version_id
        ) as version_order,
        null::numeric as rent_weekly_aud
    from (
        select * from {{ ref("int_listing__domain_versions") }} {{ domain_only }}
        union all
        select * from {{ ref("int_listing__domain_fates") }} {{ domain_only }}
    ) as domain
    union all
    select
        'reaxml|' || listing_id,
        'reaxml',
        source_listing_id,
        {{ listing_columns() }},
        record_order,
        rent_weekly_aud
    from {{ ref("int_listing__reaxml_versions") }}
    {% if is_incremental() %}
        where listing_id = any(array(
            select substr(key, 8)::uuid from {{ touched() }} where key like 'reaxml|%'
        ))
    {% endif %}
{%- endmacro %}
