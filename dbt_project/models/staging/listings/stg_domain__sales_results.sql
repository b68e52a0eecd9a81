-- Auction results, the newest version of each.
select distinct on (city, auctioned_on, result_key) *
from {{ ref("stg_domain__sales_result_versions") }}
order by city, auctioned_on, result_key, observed_at desc, version_id
