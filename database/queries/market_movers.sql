-- question: In which suburbs of a state did medians move most within a year?
-- param: state text
-- param: dwelling_type text
-- param: month date
-- index: intermediate.int_market__suburb_months (month, dwelling_type, suburb_key)
-- sample: select distinct state, dwelling_type, month from {sample intermediate.int_market__suburb_months}
--   where sale_count >= 3
select
    now.suburb_key,
    now.median_price_aud,
    now.sale_count,
    now.median_price_aud::numeric / earlier.median_price_aud - 1 as change
from marts.suburb_market as now
inner join marts.suburb_market as earlier
    on earlier.suburb_key = now.suburb_key
    and earlier.dwelling_type = now.dwelling_type
    and earlier.month = (%(month)s::date - interval '1 year')::date
where now.month = %(month)s
    and now.dwelling_type = %(dwelling_type)s
    and now.suburb_key like %(state)s || '|%%'
    and now.sale_count >= 3
    and earlier.sale_count >= 3
    and earlier.median_price_aud > 0
order by change desc
limit 20
