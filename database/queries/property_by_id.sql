-- question: What do we know of this property?
-- param: property_id uuid
-- index: marts.properties (property_id)
-- sample: select property_id from {sample marts.properties}
select *
from marts.properties
where property_id = %(property_id)s
