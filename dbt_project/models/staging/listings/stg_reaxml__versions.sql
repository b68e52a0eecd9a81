{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="listing_id",
        on_schema_change="fail",
        meta={"tells": {"stg_reaxml__versions": "listing_id"}},
        pre_hook=[
            {"sql": "{{ reads_changes_of(['raw.reaxml__listings']) }}", "transaction": false},
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_reaxml_listings()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["listing_id"]},
            {"columns": ["batch_id"]},
        ],
    )
}}

-- Every REAXML listing as each of its records leaves it: patches folded one by one (see
-- staging.reaxml_folded) and typed, with what must not be shown apart. The document as a
-- whole is kept of the newest only.
with records as (
    select * from {{ ref("stg_reaxml__records") }}
    {% if is_incremental() %}
        where listing_id in (select key from {{ touched() }})
    {% endif %}
),

folded as (
    select
        *,
        row_number() over in_order as record_order,
        lead(version_id) over in_order is null as is_newest,
        first_value(modified_at) over in_order as first_modified_at,
        staging.reaxml_folded(patch, readings) over in_order as document,
        -- A record without a status leaves the one before.
        staging.newest_said(status) over in_order as status_said
    from records
    window in_order as (
        partition by listing_id
        order by modified_at_local, status_rank, patch_size desc, version_id
        rows unbounded preceding
    )
),

priced as (
    select
        *,
        coalesce({{ reaxml_means("price@display") }}, 'yes') as price_display,
        coalesce({{ reaxml_means("rent@display") }}, 'yes') as rent_display,
        coalesce({{ reaxml_means("soldDetails/price@display") }}, 'yes')
            as sold_price_display,
        coalesce(
            {{ reaxml_means("price", "low") }},
            {{ reaxml_means("price/range/min", "low") }}
        )::numeric as stated_low,
        coalesce(
            {{ reaxml_means("price", "high") }},
            {{ reaxml_means("price/range/max", "high") }}
        )::numeric as stated_high,
        ({{ reaxml_means("rent", "week_low") }})::numeric as stated_rent,
        ({{ reaxml_means("soldDetails/price", "low") }})::numeric as stated_sold_low,
        ({{ reaxml_means("soldDetails/price", "high") }})::numeric as stated_sold_high
    from folded
)

select
    version_id,
    listing_id,
    'reaxml' as source,
    agent_id,
    unique_id,

    kind,
    status_said as status,
    {{ reaxml_said("authority@value", "commercialAuthority@value") }} as authority,
    {{ reaxml_said(
        "category@name", "landCategory@name", "ruralCategory@name",
        "holidayCategory@name", "commercialCategory@name", "businessCategory/name"
    ) }} as category,
    {{ reaxml_said("priceView") }} as price_text,
    {{ reaxml_said("address/site") }} as building_name,
    coalesce(
        {{ reaxml_means("address/subNumber", "unit") }},
        {{ reaxml_means("address/streetNumber", "unit") }}
    ) as unit_number,
    coalesce(
        {{ reaxml_said("address/lotNumber") }},
        {{ reaxml_means("address/streetNumber", "lot") }}
    ) as lot_number,
    {{ reaxml_means("address/streetNumber", "number") }} as street_number,
    {{ reaxml_said("address/street") }} as street,
    upper({{ reaxml_said("address/suburb") }}) as locality,
    coalesce(
        {{ reaxml_means("address/state") }}, upper({{ reaxml_said("address/state") }})
    ) as state,
    coalesce(
        {{ reaxml_means("address/postcode") }}, {{ reaxml_said("address/postcode") }}
    ) as postcode,

    ({{ reaxml_means("features/bedrooms") }})::numeric as bedrooms,
    ({{ reaxml_means("features/bathrooms") }})::numeric as bathrooms,
    -- Garages, carports and open spaces together; null when none of them is said.
    case
        when document ?| array[
            'features/garages', 'features/carports', 'features/openSpaces'
        ] then
            coalesce(({{ reaxml_means("features/garages") }})::numeric, 0)
            + coalesce(({{ reaxml_means("features/carports") }})::numeric, 0)
            + coalesce(({{ reaxml_means("features/openSpaces") }})::numeric, 0)
        else ({{ reaxml_means("carSpaces") }})::numeric
    end as car_spaces,
    ({{ reaxml_means("landDetails/area") }})::numeric as land_area_m2,
    ({{ reaxml_means("buildingDetails/area") }})::numeric as building_area_m2,

    price_display,
    case when price_display = 'yes' then stated_low end as price_low_aud,
    case when price_display = 'yes' then stated_high end as price_high_aud,
    case when price_display <> 'yes' then stated_low end as withheld_price_low_aud,
    case when price_display <> 'yes' then stated_high end as withheld_price_high_aud,
    {{ reaxml_said("price@tax") }} as price_tax,
    rent_display,
    case when rent_display = 'yes' then stated_rent end as rent_weekly_aud,
    case when rent_display <> 'yes' then stated_rent end as withheld_rent_weekly_aud,
    ({{ reaxml_means("bond", "low") }})::numeric as bond_aud,
    sold_price_display,
    case
        when sold_price_display = 'yes' and stated_sold_low = stated_sold_high
            then stated_sold_low
    end as sold_price_aud,
    case when sold_price_display <> 'yes' then stated_sold_low end
        as withheld_sold_price_aud,

    coalesce(({{ reaxml_means("underOffer@value") }})::boolean, false) as is_under_offer,
    lower({{ reaxml_said("features/bedrooms") }}) = 'studio' as is_studio,
    coalesce({{ reaxml_means("address@display") }}, 'yes') = 'yes' as is_address_shown,
    coalesce({{ reaxml_means("address/suburb@display") }}, 'yes') = 'yes'
        as is_suburb_shown,
    -- False for a sale or withdrawal of a listing that was never sent.
    document ?| array['address/street', 'address/suburb', 'headline', 'description']
        as is_described,
    is_simulated,

    ({{ reaxml_means("soldDetails/date") }})::timestamp::date as sold_date,
    ({{ reaxml_means("auction@date") }})::timestamp as auction_at_local,
    ({{ reaxml_means("dateAvailable") }})::timestamp::date as available_date,
    first_modified_at,
    modified_at,
    -- When the agency published it: a record may reach its file late.
    greatest(modified_at, listed_in_at) as published_at,

    notes,
    case when is_newest then document end as document,
    record_order::int as record_order,
    is_newest,
    source_file,
    source_row_number,
    batch_id,
    loaded_at
from priced
