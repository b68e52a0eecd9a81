-- question: Which property does a source mean by its own id?
-- param: source text
-- param: source_property_id text
-- index: marts.property_sources (source, source_property_id)
-- sample: select source, source_property_id from {sample marts.property_sources}
select property_id, match_kind, match_score, address_received
from marts.property_sources
where source = %(source)s
    and source_property_id = %(source_property_id)s
limit 100
