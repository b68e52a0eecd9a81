-- question: Which sales of this property were known on a day, and as what?
-- param: property_id uuid
-- param: known_on date
-- index: marts.sales (property_id, contract_date)
-- index: marts.sale_versions (sale_id, version_number)
-- sample: select property_id, known_on from {sample marts.sales}
--   where property_id is not null
select
    sales.sale_id,
    versions.contract_date,
    versions.price_aud,
    versions.known_from,
    versions.known_to,
    versions.source_file,
    versions.source_row_number,
    versions.is_current
from marts.sales
inner join marts.sale_versions as versions
    on versions.sale_id = sales.sale_id
    and versions.known_from <= %(known_on)s
    and coalesce(versions.known_to > %(known_on)s, true)
where sales.property_id = %(property_id)s
order by versions.contract_date desc, sales.sale_id
limit 200
