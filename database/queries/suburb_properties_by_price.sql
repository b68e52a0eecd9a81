-- question: Which properties of a suburb sold dearest? A page, dearest first.
-- param: suburb_key text
-- param: below_aud bigint
-- param: below_id uuid
-- index: marts.properties (suburb_key, last_sale_price_aud, property_id)
-- sample: select suburb_key, last_sale_price_aud as below_aud, property_id as below_id
--   from {sample marts.properties}
--   where suburb_key is not null and last_sale_price_aud is not null
select property_id, address, dwelling_type, last_sale_price_aud, last_sale_date
from marts.properties
where suburb_key = %(suburb_key)s
    and deleted_at is null
    and (last_sale_price_aud, property_id) < (%(below_aud)s, %(below_id)s)
order by last_sale_price_aud desc, property_id desc
limit 50
