-- question: What is on the market in a suburb? A page, newest first.
-- param: suburb_key text
-- param: before_at timestamptz
-- index: marts.listings (suburb_key, listed_at)
-- sample: select suburb_key, timestamptz '9999-12-31' as before_at
--   from {sample marts.listings} where suburb_key is not null
select
    listing_id, property_id, status, listing_type, price_text, price_low_aud,
    price_high_aud, listed_at
from marts.listings
where suburb_key = %(suburb_key)s
    and status in ('live', 'under_offer')
    and listed_at < %(before_at)s
order by listed_at desc, listing_id desc
limit 50
