-- Details of each Domain listing, the newest version.
select distinct on (listing_id) *
from {{ ref("stg_domain__listing_detail_versions") }}
order by listing_id, observed_at desc, version_id
