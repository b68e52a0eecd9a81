{{ config(materialized="view") }}

-- What Domain said of its listings: every version that searches and details showed. Claims
-- are words of intermediate.listing_status_after.
with searches as not materialized (
    select
        listing_id as domain_listing_id,
        version_id,
        'search' as said_by,
        1 as said_rank,
        observed_at as said_at,
        observed_at as known_at,
        case when listing_type = 'sold' then 'sold' else 'on_market' end as claim,
        case
            when listing_type in ('rent', 'share') then 'rent'
            when listing_type is not null then 'sale'
        end as listing_type,
        advertiser_id::text as agency_id,
        null::text as source_property_id,
        address_hash,
        street is not null and street_number is not null as is_address_whole,
        is_address_shown,
        state || '|' || locality as suburb_key,
        property_type,
        dwelling_type,
        price_text,
        is_price_withheld,
        price_low_aud::bigint as price_low_aud,
        price_high_aud::bigint as price_high_aud,
        withheld_price_low_aud::bigint as withheld_low_aud,
        withheld_price_high_aud::bigint as withheld_high_aud,
        case when listing_type = 'sold' then sold_price_aud::bigint end as sold_price_aud,
        null::boolean as is_sold_price_withheld,
        case when sold_source = 'apm' then 'government' else 'agency' end as sold_price_by,
        null::bigint as government_sold_price_aud,
        sold_date,
        case when sold_method <> 'not_stated' then sold_method end as sale_method,
        auction_at,
        bedrooms,
        bathrooms,
        car_spaces,
        land_area_m2,
        building_area_m2,
        -- Of a low certainty they are those of the suburb's middle.
        case when map_certainty is null or map_certainty >= {{ var("least_map_certainty") }}
            then latitude::double precision end as latitude,
        case when map_certainty is null or map_certainty >= {{ var("least_map_certainty") }}
            then longitude::double precision end as longitude,
        listed_at,
        is_simulated,
        source_file,
        source_row_number,
        batch_id,
        loaded_at
    from {{ ref("stg_domain__listing_versions") }}
),

details as (
    select
        listing_id as domain_listing_id,
        version_id,
        'details' as said_by,
        2 as said_rank,
        -- What they say holds since the advertiser changed it.
        least(coalesce(updated_at, observed_at), observed_at) as said_at,
        observed_at as known_at,
        case
            when is_withdrawn then 'withdrawn'
            when status in ('new', 'live', 'recently_updated', 'new_development') then 'live'
            when status in ('under_offer', 'deposit_taken') then 'under_offer'
            when status in ('sold', 'leased') then status
            when status = 'archived' and (sold_date is not null or sold_method is not null)
                then 'sold'
            when status = 'archived' then 'over'
        end as claim,
        case
            when listing_type in ('rent', 'share', 'leased') then 'rent'
            when listing_type in ('sale', 'sold') then 'sale'
        end as listing_type,
        advertiser_id::text as agency_id,
        domain_property_id as source_property_id,
        address_hash,
        street is not null and street_number is not null as is_address_whole,
        is_address_shown,
        state || '|' || locality as suburb_key,
        property_type,
        dwelling_type,
        price_text,
        is_price_withheld,
        case when coalesce(price_unit, 'total_amount') = 'total_amount'
            then price_low_aud::bigint end as price_low_aud,
        case when coalesce(price_unit, 'total_amount') = 'total_amount'
            then price_high_aud::bigint end as price_high_aud,
        withheld_price_low_aud::bigint as withheld_low_aud,
        withheld_price_high_aud::bigint as withheld_high_aud,
        sold_price_aud::bigint as sold_price_aud,
        is_sold_price_withheld,
        'agency' as sold_price_by,
        government_sold_price_aud::bigint as government_sold_price_aud,
        sold_date,
        coalesce(
            case when sold_method <> 'not_stated' then sold_method end,
            case when sale_method <> 'not_stated' then sale_method end
        ) as sale_method,
        auction_at,
        bedrooms,
        bathrooms,
        car_spaces,
        land_area_m2,
        building_area_m2,
        -- Details do not tell a home's place from the suburb's middle.
        null::double precision as latitude,
        null::double precision as longitude,
        listed_at,
        is_simulated,
        source_file,
        source_row_number,
        batch_id,
        loaded_at
    from {{ ref("stg_domain__listing_detail_versions") }}
)

select * from searches
union all
select * from details
union all
-- A search shows an older version again, which is no new row of raw: it holds since it was
-- seen last, and before that nobody knows.
select
    searches.domain_listing_id,
    md5('again|' || searches.version_id)::uuid,
    searches.said_by,
    searches.said_rank,
    known.last_seen_at,
    known.last_seen_at,
    {{ listing_columns(without=["version_id", "said_by", "said_at", "known_at"], of="searches") }}
from searches
inner join {{ source("ops", "domain_listings") }} as known
    on searches.version_id = known.row_hash
    and searches.domain_listing_id = known.listing_id
where exists (
    select from {{ ref("stg_domain__listing_versions") }} as newer
    where
        newer.listing_id = searches.domain_listing_id
        and newer.observed_at > searches.known_at
)
