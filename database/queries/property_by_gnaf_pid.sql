-- question: Which property has this G-NAF address identifier?
-- param: gnaf_pid text
-- index: marts.properties (gnaf_pid)
-- sample: select gnaf_pid from {sample marts.properties} where gnaf_pid is not null
select property_id, address, suburb_key, dwelling_type
from marts.properties
where gnaf_pid = %(gnaf_pid)s
