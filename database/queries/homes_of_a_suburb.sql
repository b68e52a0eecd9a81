-- question: Which homes of a type does a suburb have? Four hundred of them at most.
-- param: suburb_key text
-- param: dwelling_type text
-- index: marts.properties (suburb_key)
-- sample: select suburb_key, dwelling_type from {sample marts.properties}
--   where suburb_key is not null and deleted_at is null
select property_id
from marts.properties
where suburb_key = %(suburb_key)s
    and dwelling_type = %(dwelling_type)s
    and deleted_at is null
order by property_id
limit 400
