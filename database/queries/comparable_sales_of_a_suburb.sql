-- question: Which homes of a type sold in a suburb since a day? For homes without a place.
-- param: suburb_key text
-- param: dwelling_type text
-- param: since date
-- index: marts.sales (suburb_key, contract_date)
-- sample: select suburb_key, dwelling_type, contract_date - 30 as since
--   from {sample marts.sales}
--   where suburb_key is not null and contract_date is not null and is_market_sale
select property_id, contract_date
from marts.sales
where suburb_key = %(suburb_key)s
    and contract_date >= %(since)s
    and dwelling_type = %(dwelling_type)s
    and is_market_sale
order by contract_date desc, property_id
limit 40
