{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="listing_key",
        on_schema_change="fail",
        meta={"tells": {
            "listings.sold_month": "suburb_key || to_char(sold_date, '|YYYY-MM')",
            "listings.listed_month":
                "suburb_key || to_char(" ~ market_date("listed_at") ~ ", '|YYYY-MM')",
        }},
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_listing__versions', 'int_listing__properties', 'ops.domain_listings',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_listings()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["listing_key"], "unique": true, "serves": ["model listings"]},
            {"columns": ["listing_id"], "unique": true, "serves": ["grain"]},
            {"columns": ["property_id", "source"], "serves": ["listings_of_a_property"]},
            {
                "columns": ["source", "source_listing_id"],
                "unique": true,
                "serves": ["listing_by_source_id"],
            },
            {
                "columns": ["suburb_key", "listed_at"],
                "where": "status in ('live', 'under_offer')",
                "serves": ["listings_on_the_market_of_a_suburb"],
            },
            {"columns": ["suburb_key"], "serves": ["model int_market__listing_months"]},
            {"columns": ["status", "last_seen_at"], "serves": ["listings_by_status"]},
        ],
    )
}}

-- Every listing as it stands now. What an agency withholds is not in here.
with versions as (
    select
        *,
        status is distinct from lag(status) over (
            partition by listing_key order by version_order
        ) as is_other_status
    from {{ ref("int_listing__versions") }}
    {% if is_incremental() %}
        where listing_key = any(array(select key from {{ touched() }}))
    {% endif %}
),

-- The newest of each that says anything.
newest as (
    select
        listing_key,
        min(source) as source,
        min(source_listing_id) as source_listing_id,
        bool_or(is_simulated) as is_simulated,
        max(version_order) as version_count,
        min(listed_at) as listed_at,
        min(known_at) as first_seen_at,
        max(known_at) as last_known_at,
        min(loaded_at) as created_at,
        {{ newest_of("status", "listing_type", "agency_id", "suburb_key", "property_type",
            "dwelling_type", "price_text", "sale_method", "auction_at", "bedrooms",
            "bathrooms", "car_spaces", "land_area_m2", "building_area_m2", "latitude",
            "longitude", "is_address_shown", "rent_weekly_aud", "sold_date",
            "sold_price_aud") }},
        max(version_order) filter (where asking_kind is not null) as asking_version,
        (array_agg(said_at order by version_order desc)
            filter (where is_other_status))[1] as status_since
    from versions
    group by listing_key
)

select
    md5(newest.listing_key)::uuid as listing_id,
    newest.listing_key,
    properties.property_id,
    properties.identified_by,
    newest.source,
    newest.source_listing_id,
    newest.agency_id,
    newest.listing_type,
    newest.status,
    newest.suburb_key,
    newest.property_type,
    newest.dwelling_type,
    newest.price_text,
    asking.asking_low_aud as price_low_aud,
    asking.asking_high_aud as price_high_aud,
    asking.asking_kind as price_kind,
    asking.asking_confidence as price_confidence,
    newest.rent_weekly_aud,
    newest.bedrooms::numeric(5, 1) as bedrooms,
    newest.bathrooms::numeric(5, 1) as bathrooms,
    newest.car_spaces::numeric(5, 1) as car_spaces,
    newest.land_area_m2::double precision as land_area_m2,
    newest.building_area_m2::double precision as building_area_m2,
    newest.latitude,
    newest.longitude,
    newest.sale_method,
    newest.auction_at,
    coalesce(newest.listed_at, newest.first_seen_at) as listed_at,
    newest.first_seen_at,
    coalesce(known.last_seen_at, newest.last_known_at) as last_seen_at,
    case when newest.status in ('sold', 'leased') then newest.sold_date end as sold_date,
    case when newest.status = 'sold' then newest.sold_price_aud end as sold_price_aud,
    -- From the local day it was listed to the day of its contract, else to the day it was
    -- taken off; of one still on the market there is none: it would change by itself.
    case
        when newest.status in ('sold', 'leased', 'withdrawn', 'delisted') then nullif(
            greatest(
                coalesce(
                    case when newest.status in ('sold', 'leased') then newest.sold_date end,
                    {{ market_date("newest.status_since") }}
                ) - {{ market_date("newest.listed_at") }},
                -1
            ),
            -1
        )
    end as days_on_market,
    coalesce(newest.is_address_shown, false) as is_address_shown,
    newest.version_count,
    last_version.source_file,
    last_version.source_row_number,
    newest.created_at,
    newest.is_simulated
from newest
inner join versions as last_version
    on newest.listing_key = last_version.listing_key
    and newest.version_count = last_version.version_order
left join versions as asking
    on newest.listing_key = asking.listing_key
    and newest.asking_version = asking.version_order
left join {{ ref("int_listing__properties") }} as properties
    on newest.listing_key = properties.listing_key
left join {{ source("ops", "domain_listings") }} as known
    on newest.source = 'domain'
    and known.listing_id
    = case when newest.source = 'domain' then newest.source_listing_id::bigint end
