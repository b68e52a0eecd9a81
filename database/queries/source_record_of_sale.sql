-- question: Which line of which file says so? The raw record behind a NSW sale.
-- param: sale_id uuid
-- index: marts.sale_versions (sale_id, version_number)
-- index: raw.nsw_valuer__sales (_row_hash)
-- sample: select sale_id from {sample marts.sale_versions} where source = 'nsw_valuer'
select versions.known_from, versions.is_current, records.*
from marts.sale_versions as versions
inner join raw.nsw_valuer__sales as records on records._row_hash = versions.version_id
where versions.sale_id = %(sale_id)s
order by versions.known_from
limit 50
