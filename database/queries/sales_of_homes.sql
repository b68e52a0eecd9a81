-- question: For what did these homes last sell, of what was known before a day?
-- param: property_ids uuid[]
-- param: before date
-- index: marts.sales (property_id, contract_date)
-- index: marts.properties (property_id)
-- sample: select array[property_id] as property_ids, '2100-01-01'::date as before
--   from {sample marts.sales} where property_id is not null and is_market_sale
select
    properties.property_id,
    properties.address,
    latest.sale_id,
    latest.contract_date,
    latest.known_on,
    latest.price_aud,
    latest.source,
    latest.source_file,
    latest.source_row_number
from unnest(%(property_ids)s::uuid[]) as asked (property_id)
inner join marts.properties on asked.property_id = properties.property_id
cross join lateral (
    select sales.*
    from marts.sales
    where sales.property_id = asked.property_id
        and sales.contract_date < %(before)s
        and sales.known_on < %(before)s
        and sales.is_market_sale
    order by sales.contract_date desc, sales.known_on desc, sales.sale_id
    limit 1
) as latest
