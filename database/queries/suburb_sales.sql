-- question: What did homes of a suburb sell for since a day? Points of the suburb's chart.
-- param: suburb_key text
-- param: since date
-- index: marts.sales (suburb_key, contract_date)
-- sample: select suburb_key, contract_date - 730 as since from {sample marts.sales}
--   where suburb_key is not null and contract_date is not null
select contract_date, price_aud, dwelling_type
from marts.sales
where suburb_key = %(suburb_key)s
    and contract_date >= %(since)s
    and is_market_sale
order by contract_date desc
limit 500
