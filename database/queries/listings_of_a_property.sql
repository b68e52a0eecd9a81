-- question: When was this property offered, by whom, for how much?
-- param: property_id uuid
-- index: marts.listings (property_id, source)
-- sample: select property_id from {sample marts.listings} where property_id is not null
select *
from marts.listings
where property_id = %(property_id)s
order by listed_at desc nulls last, listing_id
limit 100
