-- question: What was sold lately, anywhere? A page, newest first.
-- param: since date
-- param: before_date date
-- param: before_id uuid
-- index: marts.price_history (event_date, price_event_id) since event_date
-- sample: select boundaries.boundary as since, events.event_date as before_date,
--   events.price_event_id as before_id from (select * from {sample marts.price_history}) as events,
--   ops.index_boundaries as boundaries where boundaries.table_name = 'price_history'
--   and events.event_date >= boundaries.boundary
select price_event_id, property_id, event_date, event_kind, price_aud, source
from marts.price_history
where event_date >= %(since)s
    and (event_date, price_event_id) < (%(before_date)s, %(before_id)s)
order by event_date desc, price_event_id desc
limit 50
