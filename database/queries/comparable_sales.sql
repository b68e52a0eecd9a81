-- question: Which sales of such dwellings since a day, at most a year ago, are nearest?
-- param: latitude double precision
-- param: longitude double precision
-- param: dwelling_type text
-- param: since date
-- index: marts.properties (dwelling_type, point(longitude, latitude)) since last_sale_date
-- sample: select latitude, longitude, dwelling_type, (select boundary from
--   ops.index_boundaries where table_name = 'properties') as since
--   from {sample marts.properties}
--   where latitude is not null and longitude is not null and dwelling_type is not null
select
    property_id,
    address,
    bedrooms,
    land_area_m2,
    last_sale_price_aud,
    last_sale_date,
    point(longitude, latitude) <-> point(%(longitude)s, %(latitude)s) as degrees_away
from marts.properties
where last_sale_date >= %(since)s
    and dwelling_type = %(dwelling_type)s
    and deleted_at is null
order by point(longitude, latitude) <-> point(%(longitude)s, %(latitude)s)
limit 20
