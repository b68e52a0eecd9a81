-- question: What happened to this property's listings? Newest first.
-- param: property_id uuid
-- index: marts.listing_events (property_id, event_at)
-- sample: select property_id from {sample marts.listing_events}
--   where property_id is not null
select *
from marts.listing_events
where property_id = %(property_id)s
order by event_at desc
limit 100
