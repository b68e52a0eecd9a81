{{ config(post_hook="{{ analyze_this() }}") }}

-- Where the homes of a street lie, by the month in which that became known. Summing the
-- parts known by a month gives a street's or suburb's place as it was known then. Sums of
-- whole numbers are the same in any order.
select
    suburb_key,
    street_name,
    {{ month_index("known_on") }} as known_month,
    count(*)::int as located_count,
    sum(round(latitude * 1e7)::bigint)::bigint as latitude_e7_sum,
    sum(round(longitude * 1e7)::bigint)::bigint as longitude_e7_sum
from {{ ref("int_sale__validated") }}
where
    latitude is not null
    and longitude is not null
    and suburb_key is not null
    and known_on is not null
group by 1, 2, 3
