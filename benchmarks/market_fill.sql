-- A made-up country straight into temporary tables: suburbs of very unequal size around a
-- few cities, streets, homes, sales in versions, listings. Every value follows from its
-- row's number, so that two fills of one size are the same. {homes} is a number.
set work_mem = '128MB';

create function pg_temp.part(number bigint, kind integer) returns double precision
immutable parallel safe language sql
return (hashint8extended(number, kind) & 2147483647)::double precision / 2147483648;

create temporary table cities as
select * from (values
    (0, -33.87, 151.05, 0.35), (1, -37.82, 145.00, 0.35), (2, -27.47, 153.02, 0.3),
    (3, -31.95, 115.88, 0.3), (4, -34.93, 138.60, 0.2), (5, -32.5, 149.0, 4.0)
) as cities (city, latitude, longitude, spread);

create temporary table places as
with parts as (
    select
        array['Ash', 'Bal', 'Cam', 'Dun', 'Epp', 'Fair', 'Glen', 'Hur', 'Ken', 'Lan',
            'Mar', 'New', 'Oak', 'Pen', 'Ross', 'Stan', 'Tur', 'Wav', 'Wil', 'York',
            'Ber', 'Cron', 'Bur', 'Carl', 'Dar', 'Eden', 'Green', 'Haber', 'Kil', 'Lin',
            'Mill', 'Nor', 'Pad', 'Rich', 'Stra', 'Thorn', 'War', 'Wood', 'Black', 'Ryd']
            as heads,
        array['field', 'bury', 'main', 'ton', 'ing', 'view', 'brook', 'stville', 'sing',
            'ley', 'rick', 'town', 'lands', 'rith', 'moor', 'hope', 'murra', 'erley',
            'by', 'vale', 'ala', 'ulla', 'wood', 'ford', 'ling', 'acre', 'burn', 'lara',
            'dale', 'er', 'man', 'ding', 'mond', 'worth', 'heath', 'leigh', 'raw', 'ville',
            'grove', 'dell'] as tails,
        array['', ' East', ' West', ' North', ' South', ' Heights', ' Park'] as sides
)
select
    place,
    upper(heads[1 + place % 40] || tails[1 + place / 40 % 40]
        || sides[1 + place / 1600 % 7]) as suburb,
    (2000 + place % 900)::text as postcode,
    13.2 + 1.4 * pg_temp.part(place, 1) as level,
    cities.latitude + cities.spread * (pg_temp.part(place, 2) - 0.5) as latitude,
    cities.longitude + cities.spread * (pg_temp.part(place, 3) - 0.5) as longitude
from parts, generate_series(0, greatest(1600, least(11000, {homes} / 400)) - 1) as place
inner join cities on cities.city = (place * 7) % 6;

create temporary table homes as
select
    home,
    md5('home' || home)::uuid as property_id,
    places.*,
    'NSW|' || places.suburb as suburb_key,
    street,
    upper(
        (array['Al', 'Ber', 'Cor', 'Del', 'El', 'Fal', 'Gar', 'Har', 'Ir', 'Jer', 'Kin',
            'Lor', 'Mel', 'Nor', 'Os', 'Per', 'Quin', 'Rav', 'Sel', 'Tal']
        )[1 + floor(20 * power(pg_temp.part(street, 4), 2))::int]
        || (array['bert', 'dale', 'ford', 'gate', 'ham', 'land', 'lyn', 'mont', 'ney',
            'rick', 'son', 'stone', 'ton', 'ville', 'ward', 'well', 'wood', 'worth',
            'combe', 'den']
        )[1 + floor(20 * pg_temp.part(street, 5))::int]
    ) as street_name,
    (array['ST', 'RD', 'AVE', 'PL', 'DR', 'CRES'])[1 + street % 6] as street_type,
    (1 + floor(80 * pg_temp.part(home, 13)))::int::text as street_number,
    case when pg_temp.part(home, 14) < 0.35
        then (1 + floor(20 * pg_temp.part(home, 15)))::int::text end as unit_number,
    pg_temp.part(home, 16) as luck,
    pg_temp.part(home, 17) as size,
    pg_temp.part(home, 18) as taste
from (
    select
        home,
        floor((select count(*) from places) * power(pg_temp.part(home, 11), 1.8))::bigint
            * 60 + floor(60 * pg_temp.part(home, 12))::bigint as street
    from generate_series(1, {homes}) as home
) as drawn
inner join places on places.place = street / 60;
analyze homes;

-- table: marts.properties
create temporary table fill_properties as
select
    property_id,
    concat_ws('|', 'NSW', suburb, street_name, street_number, unit_number, home)
        as property_key,
    'address' as key_kind,
    case when unit_number is null then 'parcel' else 'dwelling' end as dwelling_kind,
    'NSW|PARCEL|' || home / 3 as parcel_key,
    case when luck < 0.9 then 'GANSW' || 700000000 + home end as gnaf_pid,
    concat(unit_number || '/', street_number, ' ', initcap(street_name), ' ', street_type,
        ', ', initcap(suburb), ' NSW ', postcode) as address,
    unit_number, street_number, street_name, street_type, suburb, suburb_key,
    'NSW' as state, postcode,
    case when unit_number is null then 'house' when luck < 0.3 then 'townhouse'
        else 'unit' end as dwelling_type,
    'R2' as zone_code, 'Sydney' as region, unit_number is not null as is_strata,
    1 + floor(5 * luck)::smallint as bedrooms, 1 + floor(3 * size)::smallint as bathrooms,
    floor(3 * taste)::smallint as car_spaces, 300 + 700 * size as land_area_m2,
    latitude + 0.018 * (pg_temp.part(street, 19) - 0.5) + 0.002 * (size - 0.5) as latitude,
    longitude + 0.018 * (pg_temp.part(street, 20) - 0.5) + 0.002 * (taste - 0.5)
        as longitude,
    (round(exp(level + 0.5 * (taste - 0.5)) / 1000) * 1000)::bigint as last_sale_price_aud,
    current_date - floor(13000 * power(size, 1.5))::int as last_sale_date,
    2 as sale_count, date '1995-01-01' as first_seen,
    now() - home % 5000 * interval '3 hours' as created_at,
    case when luck < 0.01 then now() end as deleted_at
from homes
-- As the model has it.
order by suburb_key, street_name, street_number;

create temporary table deals as
select
    home, number, property_id, suburb_key, postcode, level,
    md5(home || 'sale' || number)::uuid as sale_id,
    md5(home || 'row' || number)::uuid as version_id,
    md5('batch' || deal % 1500)::uuid as batch_id,
    md5('address' || home)::uuid as address_hash,
    case when unit_number is null then 'house' when luck < 0.3 then 'townhouse'
        else 'unit' end as dwelling_type,
    pg_temp.part(deal, 31) as chance,
    current_date - 30 - floor(13000 * pg_temp.part(deal, 32))::int as contract_date,
    (round(exp(level + pg_temp.part(deal, 33) - 0.5) / 1000) * 1000)::bigint as price_aud
from (
    select *, home * 4 + number as deal
    from homes, generate_series(1, 3) as number
    where number < 3 or taste < 0.5
) as drawn;
analyze deals;

-- table: marts.sales
create temporary table fill_sales as
select
    sale_id, property_id, 'nsw_valuer' as source, home || '.' || number as source_sale_id,
    'AU' || home || '.' || number as deal_key, 1 as parcel_count, suburb_key,
    'NSW' as state, postcode, dwelling_type, contract_date,
    contract_date + 42 as settlement_date, price_aud, chance < 0.85 as is_market_sale,
    case when chance < 0.85 then 'market' else 'excluded' end as verdict,
    contract_date + 50 as known_on, contract_date + 50 as known_at, 1 as version_count,
    batch_id
from deals;

-- table: marts.sale_versions
create temporary table fill_sale_versions as
select
    *, version_number = 1 + (chance < 0.06)::int as is_current,
    contract_date + 50 + 30 * (version_number - 1) as known_from,
    case when version_number = 1 and chance < 0.06 then contract_date + 80 end as known_to
from (
    select
        sale_id,
        case version_number when 1 then version_id
            else md5(sale_id::text || version_number)::uuid end as version_id,
        'nsw_valuer' as source, home || '.' || number as source_sale_id,
        home::text as source_property_id, 'AU' || home || '.' || number as deal_key,
        address_hash, dwelling_type, 'NSW' as state, postcode, price_aud, contract_date,
        chance, version_number, contract_date + 50 as known_on, batch_id,
        true as is_sale, 1 + (chance < 0.06)::int as version_count
    from deals, generate_series(1, 2) as version_number
    where version_number = 1 or chance < 0.06
) as versions;

-- table: marts.price_history
create temporary table fill_price_history as
select
    md5('event' || sale_id)::uuid as price_event_id, property_id,
    contract_date as event_date,
    case when chance < 0.1 then 'asking' when chance < 0.9 then 'sold' else 'nominal' end
        as event_kind,
    'exact' as price_kind, price_aud, price_aud as price_low_aud,
    price_aud as price_high_aud, 1 as confidence, chance < 0.85 as is_market_sale,
    'nsw_valuer' as source, sale_id::text as source_record_id,
    contract_date + 50 as known_at,
    -- Loaded in weeks: a batch's rows share a moment.
    date_trunc('week', contract_date + interval '50 days') as created_at
from deals;

-- table: raw.nsw_valuer__sales
create temporary table fill_nsw_valuer__sales as
select
    '001' as district_code, home::text as valuer_property_id, number::text as sale_counter,
    contract_date + 50 as downloaded_at, 'SOME ST' as street_name, postcode,
    contract_date, price_aud as purchase_price_aud, version_id as _row_hash,
    'current' as record_format, batch_id as _batch_id
from deals;

-- table: marts.property_sources
create temporary table fill_property_sources as
select
    property_id, 'nsw_valuer' as source, home::text as source_property_id,
    'sale' as source_kind, md5('address' || home)::uuid as address_hash,
    'exact_key' as match_kind, 1 as record_count
from homes;

-- table: marts.property_attributes_history
create temporary table fill_property_attributes_history as
select
    property_id, date '2000-01-01' + 900 * spell as valid_from, 'house' as dwelling_type,
    2 + spell as bedrooms
from homes, generate_series(1, 1 + (luck < 0.3)::int) as spell;

-- table: marts.listings
create temporary table fill_listings as
select
    md5('listing' || home)::uuid as listing_id, 'domain|' || home as listing_key,
    property_id, 'domain' as source, home::text as source_listing_id, suburb_key,
    'sale' as listing_type,
    case when luck < 0.05 then 'live' when luck < 0.07 then 'under_offer'
        when luck < 0.8 then 'sold' else 'withdrawn' end as status,
    now() - size * interval '3000 days' as listed_at,
    now() - size * interval '2900 days' as last_seen_at
from homes
where taste < 0.7;

-- table: marts.listing_events
create temporary table fill_listing_events as
select
    md5('listing' || home || event_type)::uuid as listing_event_id,
    md5('listing' || home)::uuid as listing_id, 'domain|' || home as listing_key,
    property_id, 'domain' as source, event_type,
    now() - size * interval '3000 days' as event_at,
    now() - size * interval '3000 days' as known_at,
    now() - size * interval '3000 days' as created_at
from homes, unnest(array['listed', 'price_changed', 'sold']) as event_type
where taste < 0.7;

-- table: intermediate.int_market__suburb_months
create temporary table fill_int_market__suburb_months as
select
    'NSW|' || suburb || '|' || to_char(month, 'YYYY-MM') as suburb_month_key,
    'NSW|' || suburb as suburb_key, 'NSW' as state, suburb, dwelling_type, month::date,
    sale_count, case when sale_count >= 3 then median end as median_price_aud
from (
    select
        *, floor(20 * pg_temp.part(cell, 41) - 14)::int as sale_count,
        (round(exp(level + 0.1 * pg_temp.part(cell, 42)) / 1000) * 1000)::bigint as median
    from (
        select
            *, place * 10000 + extract(year from month)::bigint * 12
            + extract(month from month)::bigint + length(dwelling_type) * 100000000 as cell
        from places, unnest(array['house', 'townhouse', 'unit']) as dwelling_type,
            generate_series(
                date_trunc('month', current_date - interval '1 month'
                    * least(420, 36 + {homes} / 5000)),
                current_date, interval '1 month'
            ) as month
    ) as cells
) as months
where sale_count > 0;

-- table: marts.suburb_market_vintages
create temporary table fill_suburb_market_vintages as
select
    suburb_month_key, suburb_key, state, dwelling_type, month, sale_count,
    median_price_aud, month + 90 + 30 * vintage as published_on
from intermediate.int_market__suburb_months, generate_series(1, 2) as vintage
where month < current_date - 120;

-- table: marts.merge_reviews
create temporary table fill_merge_reviews as
select
    md5('review' || home)::uuid as review_id,
    least(property_id, md5('twin' || home)::uuid) as low_property_id,
    greatest(property_id, md5('twin' || home)::uuid) as high_property_id,
    luck as score, case when luck < 0.3 then 'open' else 'merged' end as status
from homes
where home % 100 = 0;

-- table: ml.price_predictions
create temporary table fill_price_predictions as
select
    md5('prediction' || home)::uuid as prediction_id, property_id,
    current_date as valuation_date, 900000 as estimate_aud, 800000 as low_aud,
    1000000 as high_aud, 80 as interval_pct, 0.8 as confidence, 'model' as method,
    now() as created_at
from homes;

-- table: ml.current_predictions
create temporary table fill_current_predictions as
select property_id, md5('prediction' || home)::uuid as prediction_id
from homes;

-- table: ml.valued_inputs
insert into ml.scorers (fingerprint, model_version, number_names, category_names)
values ('before', '1', '{bedrooms}', '{state}');
create temporary table fill_valued_inputs as
select
    property_id, scorer_id, 1 as input_hash, array[3.0] as numbers,
    array['NSW'] as categories, scorer_id as previous_scorer_id,
    array[2.0] as previous_numbers, array['NSW'] as previous_categories
from homes
cross join ml.scorers;

-- table: marts.suburbs
create temporary table fill_suburbs as
select suburb_key, suburb, 'NSW' as state
from homes
where luck >= 0.01
group by 1, 2;
