-- question: Which properties have this street and number, whatever the suburb?
-- param: street_name text
-- param: street_number text
-- index: marts.properties (street_name, street_number)
-- sample: select street_name, street_number from {sample marts.properties}
--   where street_name is not null and street_number is not null
select property_id, address, suburb_key, postcode, dwelling_type
from marts.properties
where street_name = %(street_name)s
    and street_number = %(street_number)s
    and deleted_at is null
limit 50
