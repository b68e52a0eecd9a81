-- Each Domain listing as it was seen last, and what became of it when it was gone.
select
    versions.*,
    known.first_seen_at,
    known.last_seen_at,
    -- Gone from its search is no status; only the listing itself can say it is over.
    {{ domain_word("known.confirmed_status") }} as confirmed_status,
    known.confirmed_at
from {{ source("ops", "domain_listings") }} as known
inner join {{ ref("stg_domain__listing_versions") }} as versions
    on versions.version_id = known.row_hash
