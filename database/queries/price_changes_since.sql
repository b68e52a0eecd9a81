-- question: Which price events are new to us since a cursor? For exports and webhooks.
-- param: after_at timestamptz
-- param: after_id uuid
-- index: marts.price_history (created_at, price_event_id)
-- sample: select created_at as after_at, price_event_id as after_id
--   from {sample marts.price_history}
select
    price_event_id, property_id, event_date, event_kind, price_aud, source, created_at
from marts.price_history
where (created_at, price_event_id) > (%(after_at)s, %(after_id)s)
order by created_at, price_event_id
limit 50
