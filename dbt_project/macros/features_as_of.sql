{% macro features_as_of(is_training) -%}
{#-
    The feature columns of both feature tables, so that training and scoring cannot
    drift apart. Call it after `with as_of_rows as (...)`, whose rows carry the ids and
    attributes to pass through plus `row_id` (unique) and `as_of_date`.

    Nothing dated or published on or after as_of_date is looked at: market statistics
    and places stop at the whole months before its month, as known on the first of it; a
    property's own sales and bids must be dated and known before the day itself, and so
    must what reference sets say (reference_facts).
-#}
as_of as (
    select *, {{ month_index("as_of_date") }} as as_of_month
    from as_of_rows
),

-- Homes without coordinates lie where their street does, else their suburb.
unplaced as (
    select distinct suburb_key, street_name, as_of_month
    from as_of
    where latitude is null or longitude is null
),

street_places as (
    select
        unplaced.suburb_key,
        unplaced.street_name,
        unplaced.as_of_month,
        {{ mean_degrees("parts", "latitude") }} as latitude,
        {{ mean_degrees("parts", "longitude") }} as longitude
    from unplaced
    inner join {{ ref("int_place__street_months") }} as parts
        on unplaced.suburb_key = parts.suburb_key
        and unplaced.street_name = parts.street_name
        and unplaced.as_of_month > parts.known_month
    group by 1, 2, 3
),

suburb_places as (
    select
        unplaced.suburb_key,
        unplaced.as_of_month,
        {{ mean_degrees("parts", "latitude") }} as latitude,
        {{ mean_degrees("parts", "longitude") }} as longitude
    from (select distinct suburb_key, as_of_month from unplaced) as unplaced
    inner join (
        select
            suburb_key,
            known_month,
            sum(located_count) as located_count,
            sum(latitude_e7_sum) as latitude_e7_sum,
            sum(longitude_e7_sum) as longitude_e7_sum
        from {{ ref("int_place__street_months") }}
        group by 1, 2
    ) as parts
        on unplaced.suburb_key = parts.suburb_key
        and unplaced.as_of_month > parts.known_month
    group by 1, 2
),

located as (
    select
        as_of.row_id,
        case when is_own then as_of.latitude
            else coalesce(street_places.latitude, suburb_places.latitude)
        end as latitude,
        case when is_own then as_of.longitude
            else coalesce(street_places.longitude, suburb_places.longitude)
        end as longitude,
        case
            when is_own then 0
            when street_places.latitude is not null then 1
            when suburb_places.latitude is not null then 2
        end as place_level
    from as_of
    cross join lateral (
        select as_of.latitude is not null and as_of.longitude is not null as is_own
    ) as own
    left join street_places
        on not is_own
        and as_of.suburb_key = street_places.suburb_key
        and as_of.street_name = street_places.street_name
        and as_of.as_of_month = street_places.as_of_month
    left join suburb_places
        on not is_own
        and as_of.suburb_key = suburb_places.suburb_key
        and as_of.as_of_month = suburb_places.as_of_month
),

-- Where prices near by are told of: a suburb's middle is near nobody.
places as (
    select
        *,
        case
            when place_level <= 1
                then {{ half_cell("latitude", cell_steps()["latitude"]) }}
        end as half_north,
        case
            when place_level <= 1
                then {{ half_cell("longitude", cell_steps()["longitude"]) }}
        end as half_east
    from located
),

windows as (
    select *
    from {{ ref("int_market__windows") }}
    where as_of_month in (select distinct as_of_month from as_of)
),

suburb_types as (
    select
        suburb_key,
        dwelling_type,
        as_of_month,
        sum(sale_count)::int as sale_count,
        {{ mean_log("sum(log_price_sum)::bigint", "sum(sale_count)") }} as log_price
    from windows
    group by 1, 2, 3
),

suburbs as (
    select
        suburb_key,
        as_of_month,
        {{ mean_log("sum(log_price_sum)::bigint", "sum(sale_count)") }} as log_price
    from windows
    group by 1, 2
),

postcode_types as (
    select
        state,
        postcode,
        dwelling_type,
        as_of_month,
        {{ mean_log("sum(log_price_sum)::bigint", "sum(sale_count)") }} as log_price
    from windows
    group by 1, 2, 3, 4
),

{%- set lately = "parts.contract_month >= as_of_months.as_of_month - 3" %}
{%- set year_before -%}
    parts.contract_month between as_of_months.as_of_month - 15
        and as_of_months.as_of_month - 13
{%- endset %}

state_types as (
    select
        parts.state,
        parts.dwelling_type,
        as_of_months.as_of_month,
        {{ mean_log(
            "(sum(parts.log_price_sum) filter (where " ~ lately ~ "))::bigint",
            "sum(parts.sale_count) filter (where " ~ lately ~ ")",
        ) }} as log_price,
        {{ mean_log(
            "(sum(parts.log_price_sum) filter (where " ~ year_before ~ "))::bigint",
            "sum(parts.sale_count) filter (where " ~ year_before ~ ")",
        ) }} as log_price_year_before
    from (select distinct as_of_month from as_of) as as_of_months
    inner join {{ ref("int_market__state_months") }} as parts
        on parts.contract_month between as_of_months.as_of_month - 15
            and as_of_months.as_of_month - 1
        and parts.known_month < as_of_months.as_of_month
    group by 1, 2, 3
),

region_types as (
    select
        parts.state,
        parts.region,
        parts.dwelling_type,
        as_of_months.as_of_month,
        {{ mean_log("sum(parts.log_price_sum)::bigint", "sum(parts.sale_count)") }}
            as log_price
    from (select distinct as_of_month from as_of) as as_of_months
    inner join {{ ref("int_market__region_months") }} as parts
        on parts.contract_month between as_of_months.as_of_month - 3
            and as_of_months.as_of_month - 1
        and parts.known_month < as_of_months.as_of_month
    group by 1, 2, 3, 4
    having sum(parts.sale_count) >= {{ var("least_region_sales") }}
),

{{ local_prices() }},

earlier_prices as not materialized (
    {{ held_sales([
        "sale_id", "property_id", "contract_date", "price_aud", "is_sale",
        "is_market_sale", "exclusion_reasons",
    ]) }}
),

own_sales as (
    select distinct on (as_of.row_id)
        as_of.row_id,
        as_of.state,
        as_of.dwelling_type,
        as_of.as_of_month,
        earlier.contract_date as last_sale_date,
        {{ month_index("earlier.contract_date") }} as last_sale_month,
        ln(earlier.price_aud::double precision) as last_price_log
    from as_of
    inner join earlier_prices as earlier
        on as_of.property_id = earlier.property_id
        and earlier.contract_date < as_of.as_of_date
        and earlier.known_on < as_of.as_of_date
        and (earlier.known_until is null or earlier.known_until >= as_of.as_of_date)
    where
        earlier.is_market_sale
        -- A shop or a car space is no evidence for dwellings, but for itself it is.
        or (
            as_of.dwelling_type = 'other'
            and earlier.exclusion_reasons = array['not_a_dwelling']
        )
    order by
        as_of.row_id, earlier.contract_date desc, earlier.known_on desc, earlier.sale_id
),

-- What was last bid for the property without its being sold.
own_bids as (
    select distinct on (as_of.row_id)
        as_of.row_id,
        earlier.contract_date as bid_date,
        ln(earlier.price_aud::double precision) as last_bid_log
    from as_of
    inner join earlier_prices as earlier
        on as_of.property_id = earlier.property_id
        and earlier.contract_date < as_of.as_of_date
        and earlier.known_on < as_of.as_of_date
        and (earlier.known_until is null or earlier.known_until >= as_of.as_of_date)
    where {{ is_bid("earlier.") }}
    order by
        as_of.row_id, earlier.contract_date desc, earlier.price_aud desc, earlier.sale_id
),

-- The state index of the months around the last sale, as seen at as_of_date.
index_then as (
    select
        pairs.state,
        pairs.dwelling_type,
        pairs.as_of_month,
        pairs.last_sale_month,
        {{ mean_log("sum(parts.log_price_sum)::bigint", "sum(parts.sale_count)") }}
            as log_price
    from (
        -- Months one by one: equal months can be hashed, months in a range cannot.
        select distinct
            state,
            dwelling_type,
            as_of_month,
            last_sale_month,
            last_sale_month - months_before as contract_month
        from own_sales
        cross join generate_series(0, 2) as steps (months_before)
    ) as pairs
    inner join {{ ref("int_market__state_months") }} as parts
        on pairs.state = parts.state
        and pairs.dwelling_type = parts.dwelling_type
        and pairs.contract_month = parts.contract_month
        and parts.known_month < pairs.as_of_month
    group by 1, 2, 3, 4
),

{{ listing_facts() }},

{{ reference_facts() }}

select
    {% if is_training -%}
        as_of.sale_id,
    {% endif -%}
    as_of.property_id,
    as_of.as_of_date,
    {% if is_training -%}
        as_of.price_aud,
    {% endif -%}
    as_of.is_simulated,
    as_of.source,
    as_of.source_file,
    as_of.source_row_number,
    as_of.state,
    as_of.suburb_key as locality,
    as_of.suburb_key || '|' || as_of.street_name as street,
    as_of.postcode,
    as_of.dwelling_type,
    as_of.zone_code,
    as_of.region,
    as_of.bedrooms::double precision as bedrooms,
    as_of.bathrooms::double precision as bathrooms,
    as_of.car_spaces::double precision as car_spaces,
    as_of.land_area_m2,
    as_of.building_area_m2,
    as_of.year_built::double precision as year_built,
    places.latitude,
    places.longitude,
    places.place_level::double precision as place_level,
    {{ km_to_centre("as_of.state", "places.latitude", "places.longitude") }}
        as km_to_centre,
    as_of.is_strata::int::double precision as is_strata,
    (as_of.unit_number is not null)::int::double precision as has_unit_number,
    {{ first_number("as_of.unit_number") }} as unit_number,
    {{ first_number("as_of.street_number") }} as street_number,
    as_of.is_bid::int::double precision as is_bid,
    as_of.as_of_month::double precision as month_index,
    extract(month from as_of.as_of_date)::double precision as month_of_year,
    suburb_types.log_price as suburb_type_log_price_12m,
    coalesce(suburb_types.sale_count, 0)::double precision as suburb_type_sales_12m,
    -- The level of a suburb's dwellings says nothing about its other properties.
    case when as_of.dwelling_type <> 'other' then suburbs.log_price end
        as suburb_log_price_12m,
    postcode_types.log_price as postcode_type_log_price_12m,
    state_types.log_price as state_type_log_price_3m,
    state_types.log_price - state_types.log_price_year_before as state_type_change_12m,
    region_types.log_price as region_type_log_price_3m,
    suburb_levels.log_price as suburb_type_log_price_decayed,
    coalesce(suburb_levels.weight, 0) as suburb_type_weight_decayed,
    suburb_levels.log_building_rate as suburb_type_log_building_rate,
    suburb_levels.log_land_rate as suburb_type_log_land_rate,
    building_levels.log_price as building_log_price,
    coalesce(building_levels.weight, 0) as building_weight,
    nearby_levels.log_price as nearby_log_price,
    coalesce(nearby_levels.weight, 0) as nearby_weight,
    nearby_levels.log_building_rate as nearby_log_building_rate,
    nearby_levels.log_land_rate as nearby_log_land_rate,
    own_sales.last_price_log,
    ((as_of.as_of_date - own_sales.last_sale_date) / 30.4375)::double precision
        as months_since_last_sale,
    own_sales.last_price_log
    + coalesce(state_types.log_price - index_then.log_price, 0)
        as last_price_indexed_log,
    own_bids.last_bid_log,
    ((as_of.as_of_date - own_bids.bid_date) / 30.4375)::double precision
        as months_since_last_bid,
    open_listings.asking_price_log,
    open_listings.asking_is_range,
    (as_of.as_of_date - open_listings.listed_on)::double precision as days_on_market,
    cash_rate_days.cash_rate_pct,
    seifa_scores.score as seifa_score,
    land_values.land_value_log
from as_of
inner join places
    on as_of.row_id = places.row_id
left join suburb_types
    on as_of.suburb_key = suburb_types.suburb_key
    and as_of.dwelling_type = suburb_types.dwelling_type
    and as_of.as_of_month = suburb_types.as_of_month
left join suburbs
    on as_of.suburb_key = suburbs.suburb_key
    and as_of.as_of_month = suburbs.as_of_month
left join postcode_types
    on as_of.state = postcode_types.state
    and as_of.postcode = postcode_types.postcode
    and as_of.dwelling_type = postcode_types.dwelling_type
    and as_of.as_of_month = postcode_types.as_of_month
left join state_types
    on as_of.state = state_types.state
    and as_of.dwelling_type = state_types.dwelling_type
    and as_of.as_of_month = state_types.as_of_month
left join region_types
    on as_of.state = region_types.state
    and as_of.region = region_types.region
    and as_of.dwelling_type = region_types.dwelling_type
    and as_of.as_of_month = region_types.as_of_month
left join suburb_levels
    on as_of.suburb_key = suburb_levels.suburb_key
    and as_of.dwelling_type = suburb_levels.dwelling_type
    and as_of.as_of_month = suburb_levels.as_of_month
left join building_levels
    on as_of.suburb_key = building_levels.suburb_key
    and as_of.street_name = building_levels.street_name
    and as_of.street_number = building_levels.street_number
    and as_of.dwelling_type = building_levels.dwelling_type
    and as_of.as_of_month = building_levels.as_of_month
left join nearby_levels
    on places.half_north = nearby_levels.half_north
    and places.half_east = nearby_levels.half_east
    and {{ dwelling_family("as_of.dwelling_type") }} = nearby_levels.family
    and as_of.as_of_month = nearby_levels.as_of_month
left join open_listings
    on as_of.row_id = open_listings.row_id
left join own_sales
    on as_of.row_id = own_sales.row_id
left join own_bids
    on as_of.row_id = own_bids.row_id
left join index_then
    on own_sales.state = index_then.state
    and own_sales.dwelling_type = index_then.dwelling_type
    and own_sales.as_of_month = index_then.as_of_month
    and own_sales.last_sale_month = index_then.last_sale_month
left join cash_rate_days
    on as_of.as_of_date = cash_rate_days.as_of_date
left join seifa_scores
    on as_of.postcode = seifa_scores.postcode
    and as_of.as_of_date > seifa_scores.published_on
    and (
        seifa_scores.superseded_on is null
        or as_of.as_of_date <= seifa_scores.superseded_on
    )
left join land_values
    on as_of.property_id = land_values.property_id
    and as_of.as_of_date > land_values.out_on
    and (
        land_values.next_out_on is null
        or as_of.as_of_date <= land_values.next_out_on
    )
{%- endmacro %}

{% macro is_bid(prefix="") -%}
    {#- Whether a row of int_sale__validated is a price that was offered for a dwelling,
        named and dated like a sale, and not accepted (passed in, or the vendor's bid). -#}
    (not {{ prefix }}is_sale and {{ prefix }}exclusion_reasons = array['not_a_sale'])
{%- endmacro %}

{% macro first_number(text) -%}
    {#- The first whole number in a text, as 12 of `12A` and 19 of `19-21`. -#}
    (substring({{ text }} from '[0-9]{1,6}')::double precision)
{%- endmacro %}

{% macro mean_degrees(parts, column) -%}
    (sum({{ parts }}.{{ column }}_e7_sum) / nullif(sum({{ parts }}.located_count), 0) / 1e7)
        ::double precision
{%- endmacro %}

{% macro km_to_centre(state, latitude, longitude) -%}
    {#- Great-circle distance (km) to the general post office of the state's capital. -#}
    {%- set centres = {
        "NSW": (-33.8678, 151.2075),
        "VIC": (-37.8138, 144.9627),
        "QLD": (-27.4679, 153.0281),
        "SA": (-34.9275, 138.6000),
        "WA": (-31.9522, 115.8589),
        "TAS": (-42.8826, 147.3299),
        "NT": (-12.4611, 130.8418),
        "ACT": (-35.2809, 149.1300),
    } -%}
    {#- least() passes over nulls: without a place there must be no distance. -#}
    case case when {{ latitude }} is not null then {{ state }} end
        {%- for name, (south, east) in centres.items() %}
        when '{{ name }}' then 2 * 6371.0088 * asin(least(1, sqrt(
            sind(({{ latitude }} - {{ south }}) / 2) ^ 2
            + cosd({{ latitude }}) * cosd({{ south }})
            * sind(({{ longitude }} - {{ east }}) / 2) ^ 2
        )))
        {%- endfor %}
    end
{%- endmacro %}
