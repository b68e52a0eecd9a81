-- question: How many properties has a suburb, deleted ones aside?
-- param: suburb_key text
-- index: marts.properties (suburb_key)
-- sample: select suburb_key from {sample marts.properties}
--   where suburb_key is not null group by 1 order by count(*) desc, 1 limit 5
select count(*) as properties
from marts.properties
where suburb_key = %(suburb_key)s
    and deleted_at is null
