-- question: Which properties are new to us since a cursor? For exports and webhooks.
-- param: after_at timestamptz
-- param: after_id uuid
-- index: marts.properties (created_at, property_id)
-- sample: select created_at as after_at, property_id as after_id
--   from {sample marts.properties}
select property_id, address, suburb_key, created_at
from marts.properties
where (created_at, property_id) > (%(after_at)s, %(after_id)s)
order by created_at, property_id
limit 50
