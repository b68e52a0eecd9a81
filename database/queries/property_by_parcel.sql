-- question: Which properties, the parcel and its dwellings, stand on this parcel?
-- param: parcel_key text
-- index: marts.properties (parcel_key)
-- sample: select parcel_key from {sample marts.properties} where parcel_key is not null
select property_id, address, dwelling_kind, dwelling_type
from marts.properties
where parcel_key = %(parcel_key)s
order by unit_number nulls first, property_id
limit 500
