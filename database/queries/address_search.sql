-- question: Which properties are meant by this number, street and suburb, roughly spelt?
-- param: suburb text
-- param: street_name text
-- param: street_number text
-- needs: pg_trgm
-- index: marts.suburbs (suburb public.gin_trgm_ops)
-- index: marts.properties (suburb_key, street_number)
-- index: marts.properties (property_id)
-- sample: select street_number, overlay(street_name placing 'E' from 3 for 1) as street_name,
--   overlay(suburb placing 'R' from 4 for 1) as suburb from {sample marts.properties}
--   where street_number is not null and length(street_name) > 4 and length(suburb) > 5
with places as materialized (
    select suburb_key, public.similarity(suburb, %(suburb)s) as likeness
    from marts.suburbs
    where suburb operator(public.%%) %(suburb)s
    order by likeness desc
    limit 5
),

-- Names alone: the index holds them, no row is fetched for a street that is not meant.
matches as materialized (
    select
        found.property_id,
        places.likeness + found.likeness as likeness
    from places
    cross join lateral (
        select
            property_id,
            public.similarity(street_name, %(street_name)s) as likeness
        from marts.properties
        where suburb_key = places.suburb_key
            and street_number = %(street_number)s
            and deleted_at is null
    ) as found
    where found.likeness > 0.3
    order by likeness desc, property_id
    limit 20
)

select properties.property_id, properties.address, matches.likeness
from matches
inner join marts.properties on properties.property_id = matches.property_id
order by matches.likeness desc, properties.property_id
