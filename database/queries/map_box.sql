-- question: Which properties lie within a piece of the map?
-- param: west double precision
-- param: south double precision
-- param: east double precision
-- param: north double precision
-- index: marts.properties (point(longitude, latitude))
-- sample: select longitude - 0.005 as west, latitude - 0.005 as south,
--   longitude + 0.005 as east, latitude + 0.005 as north from {sample marts.properties}
--   where latitude is not null and longitude is not null
select property_id, latitude, longitude, dwelling_type, last_sale_price_aud
from marts.properties
where point(longitude, latitude) <@ box(
        point(%(west)s, %(south)s), point(%(east)s, %(north)s)
    )
    and deleted_at is null
limit 200
