-- Sales in the history of Domain's properties, as the newest version has it.
select * from {{ ref("stg_domain__property_sale_versions") }}
where next_observed_at is null
