{{ config(post_hook="{{ analyze_this() }}") }}

-- Where the homes of a street lie, by the month in which that became known. Summing the
-- parts known by a month gives a street's or suburb's place as it was known then. Sums of
-- whole numbers are the same in any order.
select
    suburb_key,
    street_name,
    {{ month_index("moves.known_on") }} as known_month,
    sum(step)::int as located_count,
    sum(step * round(latitude * 1e7)::bigint)::bigint as latitude_e7_sum,
    sum(step * round(longitude * 1e7)::bigint)::bigint as longitude_e7_sum
from (
    {{ held_sales(["suburb_key", "street_name", "latitude", "longitude"]) }}
) as held
cross join lateral (
    values (held.known_on, 1), (held.known_until, -1)
) as moves (known_on, step)
where
    latitude is not null
    and longitude is not null
    and suburb_key is not null
    and moves.known_on is not null
group by 1, 2, 3
