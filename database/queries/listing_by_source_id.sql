-- question: How does a listing stand, by the source's own id?
-- param: source text
-- param: source_listing_id text
-- index: marts.listings (source, source_listing_id)
-- sample: select source, source_listing_id from {sample marts.listings}
select *
from marts.listings
where source = %(source)s
    and source_listing_id = %(source_listing_id)s
