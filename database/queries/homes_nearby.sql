-- question: Which homes of a type are nearest to a point, whenever they sold? Three hundred.
-- param: latitude double precision
-- param: longitude double precision
-- param: dwelling_type text
-- index: marts.properties (point(longitude, latitude))
-- sample: select latitude, longitude, dwelling_type from {sample marts.properties}
--   where latitude is not null and longitude is not null and deleted_at is null
select property_id
from marts.properties
where dwelling_type = %(dwelling_type)s
    and deleted_at is null
order by point(longitude, latitude) <-> point(%(longitude)s, %(latitude)s)
limit 300
