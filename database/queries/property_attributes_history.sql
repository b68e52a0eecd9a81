-- question: What was this property like, and since when do we say so?
-- param: property_id uuid
-- index: marts.property_attributes_history (property_id, valid_from)
-- sample: select property_id from {sample marts.property_attributes_history}
select *
from marts.property_attributes_history
where property_id = %(property_id)s
order by valid_from desc
limit 200
