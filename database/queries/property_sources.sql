-- question: Under which names and ids does each source know this property, and why?
-- param: property_id uuid
-- index: marts.property_sources (property_id)
-- sample: select property_id from {sample marts.property_sources}
select *
from marts.property_sources
where property_id = %(property_id)s
order by source, source_property_id
limit 500
