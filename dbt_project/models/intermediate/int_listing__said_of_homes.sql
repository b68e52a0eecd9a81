{{
    config(
        indexes=[{"columns": ["property_id"]}],
        post_hook="{{ analyze_this() }}",
    )
}}

-- What listings for sale said of identified homes, by the day from which it both was so and
-- was known. A bracket for searches is no price asked; a bid is not in here at all.
-- depends_on: {{ ref("int_listing__versions") }}
-- depends_on: {{ ref("int_listing__properties") }}
{%- if listings_are_built() %}
select
    properties.property_id,
    versions.listing_key,
    versions.version_order,
    versions.claim,
    {{ market_date("versions.listed_at") }} as listed_on,
    {{ market_date("greatest(versions.said_at, versions.known_at)") }} as known_on,
    case
        when versions.asking_kind in ('exact', 'range', 'from', 'up_to', 'around')
            then ln(nullif(
                (
                    coalesce(versions.asking_low_aud, versions.asking_high_aud)
                    + coalesce(versions.asking_high_aud, versions.asking_low_aud)
                ) / 2.0::double precision,
                0
            ))
    end as asking_log,
    versions.asking_kind <> 'exact'
    or coalesce(versions.price_text ~* 'guide', false) as is_range
from {{ ref("int_listing__versions") }} as versions
inner join {{ ref("int_listing__properties") }} as properties
    on versions.listing_key = properties.listing_key
where properties.property_id is not null and properties.listing_type = 'sale'
{%- else %}
select
    null::uuid as property_id,
    null::text as listing_key,
    null::int as version_order,
    null::text as claim,
    null::date as listed_on,
    null::date as known_on,
    null::double precision as asking_log,
    null::boolean as is_range
where false
{%- endif %}
