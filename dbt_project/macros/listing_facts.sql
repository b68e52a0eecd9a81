{% macro listing_facts() -%}
{#-
    CTEs of the listing that was open on a day, for features_as_of: said and known before
    the day, not ended by then, nor by a sale of the home known by then.
-#}
heard_listings as (
    select
        as_of.row_id,
        said.listing_key,
        min(coalesce(said.listed_on, said.known_on)) as listed_on,
        max(said.known_on) as heard_on,
        intermediate.listing_status(said.claim order by said.version_order) as status,
        {%- for column in ["asking_log", "is_range"] %}
        (array_agg(said.{{ column }} order by said.version_order desc)
            filter (where said.asking_log is not null))[1] as {{ column }}
            {{- "," if not loop.last }}
        {%- endfor %}
    from as_of
    inner join {{ ref("int_listing__said_of_homes") }} as said
        on as_of.property_id = said.property_id
        and as_of.as_of_date > said.known_on
    group by 1, 2
),

open_listings as (
    select distinct on (heard.row_id)
        heard.row_id,
        heard.listed_on,
        heard.asking_log as asking_price_log,
        heard.is_range::int::double precision as asking_is_range
    from heard_listings as heard
    inner join as_of on heard.row_id = as_of.row_id
    left join own_sales on heard.row_id = own_sales.row_id
    where
        heard.status in ('live', 'under_offer')
        and heard.listed_on < as_of.as_of_date
        and heard.heard_on >= as_of.as_of_date - {{ var("listing_believed_days") }}
        and (
            own_sales.last_sale_date is null or own_sales.last_sale_date < heard.listed_on
        )
    order by heard.row_id, heard.listed_on desc, heard.listing_key
)
{%- endmacro %}

{% macro listings_are_built() -%}
    {#- Whether the listing branch, for which nothing waits, was ever built. Models it is
        built with in one run come before. -#}
    {{- return(not execute or load_relation(ref("int_listing__versions")) is not none) -}}
{%- endmacro %}
