-- question: What prices were ever named for this property? A page, newest first.
-- param: property_id uuid
-- param: before_date date
-- param: before_id uuid
-- index: marts.price_history (property_id, event_date)
-- sample: select property_id, date '9999-12-31' as before_date, property_id as before_id
--   from {sample marts.price_history}
select *
from marts.price_history
where property_id = %(property_id)s
    and (event_date, price_event_id) < (%(before_date)s, %(before_id)s)
order by event_date desc, price_event_id desc
limit 50
