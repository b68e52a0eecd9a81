-- question: How did a suburb's market go, month by month?
-- param: suburb_key text
-- param: dwelling_type text
-- index: intermediate.int_market__suburb_months (suburb_key, dwelling_type, month)
-- sample: select suburb_key, dwelling_type from {sample intermediate.int_market__suburb_months}
select *
from marts.suburb_market
where suburb_key = %(suburb_key)s
    and dwelling_type = %(dwelling_type)s
order by month
