-- question: What did we say of a suburb's month, and how did it change as sales came late?
-- param: suburb_key text
-- param: dwelling_type text
-- param: month date
-- index: marts.suburb_market_vintages (suburb_key, dwelling_type, month, published_on)
-- sample: select suburb_key, dwelling_type, month
--   from {sample marts.suburb_market_vintages}
select published_on, sale_count, median_price_aud
from marts.suburb_market_vintages
where suburb_key = %(suburb_key)s
    and dwelling_type = %(dwelling_type)s
    and month = %(month)s
order by published_on
limit 100
