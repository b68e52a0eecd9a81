-- question: Which listings of a status were seen last? A page, for those who check them.
-- param: status text
-- param: before_at timestamptz
-- index: marts.listings (status, last_seen_at)
-- sample: select status, last_seen_at as before_at from {sample marts.listings}
select listing_id, source, source_listing_id, property_id, last_seen_at
from marts.listings
where status = %(status)s
    and last_seen_at < %(before_at)s
order by last_seen_at desc
limit 50
