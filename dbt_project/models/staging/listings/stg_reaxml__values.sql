-- REAXML patches folded: per path the newest record wins, null clears, and what a newer
-- record says of an element ends what older ones said of it and of all below it. Only
-- @display outlives its element, so that an omission publishes nothing.
with entries as (
    select
        records.listing_id,
        records.record_order,
        records.modified_at,
        entry.key as path,
        nullif(entry.value, 'null') as value,
        records.readings -> entry.key as reading
    from {{ ref("stg_reaxml__records") }} as records
    cross join lateral jsonb_each(records.patch) as entry
),

newest as (
    select distinct on (listing_id, path) *
    from entries
    order by listing_id, path, record_order desc
),

-- Elements a path lies in: images, images/img and images/img[m] of images/img[m]@url.
ancestors as (
    select
        paths.path,
        left(paths.path, place.at - 1) as ancestor
    from (select distinct path from newest where path not like '%@display') as paths
    cross join lateral generate_series(2, length(paths.path)) as place (at)
    where substr(paths.path, place.at, 1) in ('/', '@', '[')
),

superseded as (
    select distinct
        newest.listing_id,
        newest.path
    from newest
    inner join ancestors on newest.path = ancestors.path
    inner join newest as above
        on newest.listing_id = above.listing_id
        and ancestors.ancestor = above.path
        and newest.record_order < above.record_order
),

live as (
    select newest.*
    from newest
    left join superseded
        on newest.listing_id = superseded.listing_id
        and newest.path = superseded.path
    where superseded.path is null and newest.value is not null
),

-- Elements that must not be shown. A hidden street leaves suburb, state and postcode.
hidden as (
    select
        listing_id,
        left(path, -length('@display')) as element
    from live
    where path like '%@display' and reading <> '"yes"'
)

select
    live.listing_id,
    live.path,
    live.value,
    live.reading,
    live.path like 'vendorDetails%' or coalesce(bool_or(
        live.path not like '%@display'
        and (
            live.path = hidden.element
            or starts_with(live.path, hidden.element || '/')
            or starts_with(live.path, hidden.element || '@')
            or starts_with(live.path, hidden.element || '[')
        )
        and not (
            hidden.element = 'address'
            and live.path ~ '^address/(suburb|state|postcode|country|region)'
        )
    ), false) as is_withheld,
    live.modified_at
from live
left join hidden on live.listing_id = hidden.listing_id
group by
    live.listing_id, live.path, live.value, live.reading, live.modified_at
