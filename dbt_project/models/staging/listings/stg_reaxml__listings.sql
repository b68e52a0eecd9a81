-- Every REAXML listing as its records leave it: typed, with what must not be shown apart.
with records as (
    select distinct on (listing_id)
        *,
        first_value(status) over by_status as newest_status,
        min(modified_at) over whole as first_modified_at,
        count(*) over whole as record_count
    from {{ ref("stg_reaxml__records") }}
    window
        whole as (partition by listing_id),
        -- A record without a status leaves the one before.
        by_status as (
            partition by listing_id order by (status is null), record_order desc
        )
    order by listing_id, record_order desc
),

typed as (
    select
        records.*,
        coalesce(folded.said, '{}') as said,
        coalesce(folded.means, '{}') as means,
        coalesce(folded.payload, '{}') as payload,
        coalesce(folded.withheld, '{}') as withheld,
        coalesce(folded.features, '{}') as features,
        coalesce(folded.images, '[]') as images,
        coalesce(folded.agents, '[]') as agents,
        coalesce(folded.means ->> 'price@display', 'yes') as price_display,
        coalesce(folded.means ->> 'rent@display', 'yes') as rent_display,
        coalesce(folded.means ->> 'soldDetails/price@display', 'yes')
            as sold_price_display
    from records
    left join {{ ref("stg_reaxml__folded") }} as folded using (listing_id)
),

priced as (
    select
        *,
        coalesce(means #>> '{price,low}', means #>> '{price/range/min,low}')::numeric
            as stated_low,
        coalesce(means #>> '{price,high}', means #>> '{price/range/max,high}')::numeric
            as stated_high,
        (means #>> '{rent,week_low}')::numeric as stated_rent,
        (means #>> '{soldDetails/price,low}')::numeric as stated_sold_low,
        (means #>> '{soldDetails/price,high}')::numeric as stated_sold_high
    from typed
)

select
    listing_id,
    'reaxml' as source,
    agent_id,
    unique_id,

    kind,
    newest_status as status,
    coalesce(said ->> 'authority@value', said ->> 'commercialAuthority@value')
        as authority,
    coalesce(
        said ->> 'category@name', said ->> 'landCategory@name',
        said ->> 'ruralCategory@name', said ->> 'holidayCategory@name',
        said ->> 'commercialCategory@name', said ->> 'businessCategory/name'
    ) as category,
    said ->> 'priceView' as price_text,
    said ->> 'address/site' as site_name,
    coalesce(
        means #>> '{address/subNumber,unit}', means #>> '{address/streetNumber,unit}'
    ) as unit_number,
    coalesce(said ->> 'address/lotNumber', means #>> '{address/streetNumber,lot}')
        as lot_number,
    means #>> '{address/streetNumber,number}' as street_number,
    said ->> 'address/street' as street,
    upper(said ->> 'address/suburb') as locality,
    coalesce(means ->> 'address/state', upper(said ->> 'address/state')) as state,
    coalesce(means ->> 'address/postcode', said ->> 'address/postcode') as postcode,

    (means ->> 'features/bedrooms')::numeric as bedrooms,
    (means ->> 'features/bathrooms')::numeric as bathrooms,
    -- Garages, carports and open spaces together; null when none of them is said.
    case when means ?| array['features/garages', 'features/carports', 'features/openSpaces']
        then coalesce((means ->> 'features/garages')::numeric, 0)
            + coalesce((means ->> 'features/carports')::numeric, 0)
            + coalesce((means ->> 'features/openSpaces')::numeric, 0)
        else (means ->> 'carSpaces')::numeric
    end as car_spaces,
    (means ->> 'landDetails/area')::numeric as land_area_m2,
    (means ->> 'buildingDetails/area')::numeric as building_area_m2,

    price_display,
    case when price_display = 'yes' then stated_low end as price_low_aud,
    case when price_display = 'yes' then stated_high end as price_high_aud,
    case when price_display <> 'yes' then stated_low end as withheld_price_low_aud,
    case when price_display <> 'yes' then stated_high end as withheld_price_high_aud,
    said ->> 'price@tax' as price_tax,
    rent_display,
    case when rent_display = 'yes' then stated_rent end as rent_weekly_aud,
    case when rent_display <> 'yes' then stated_rent end as withheld_rent_weekly_aud,
    (means #>> '{bond,low}')::numeric as bond_aud,
    sold_price_display,
    case
        when sold_price_display = 'yes' and stated_sold_low = stated_sold_high
            then stated_sold_low
    end as sold_price_aud,
    case when sold_price_display <> 'yes' then stated_sold_low end
        as withheld_sold_price_aud,

    coalesce((means ->> 'underOffer@value')::boolean, false) as is_under_offer,
    lower(said ->> 'features/bedrooms') = 'studio' as is_studio,
    coalesce(means ->> 'address@display', 'yes') = 'yes' as is_address_shown,
    coalesce(means ->> 'address/suburb@display', 'yes') = 'yes' as is_suburb_shown,
    -- False for a sale or withdrawal of a listing that was never sent.
    said ?| array['address/street', 'address/suburb', 'headline', 'description']
        as is_described,
    is_simulated,

    (means ->> 'soldDetails/date')::timestamp::date as sold_date,
    (means ->> 'auction@date')::timestamp as auction_at_local,
    (means ->> 'dateAvailable')::timestamp::date as available_date,
    first_modified_at,
    modified_at,

    features,
    agents,
    images,
    coalesce(means -> 'inspectionTimes/inspection', '[]') as inspections,
    payload,
    withheld,
    notes,

    record_count,
    source_file,
    source_row_number,
    batch_id,
    loaded_at
from priced
