-- question: What happened to listings since a cursor, as we learned it? For exports.
-- param: after_at timestamptz
-- param: after_id uuid
-- index: marts.listing_events (created_at, listing_event_id)
-- sample: select created_at as after_at, listing_event_id as after_id
--   from {sample marts.listing_events}
select
    listing_event_id, listing_id, property_id, event_type, event_at, created_at
from marts.listing_events
where (created_at, listing_event_id) > (%(after_at)s, %(after_id)s)
order by created_at, listing_event_id
limit 50
