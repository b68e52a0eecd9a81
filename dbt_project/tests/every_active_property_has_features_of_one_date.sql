-- Fails with the number of active properties without features, or with a second date.
with counted as (
    select
        (
            select count(*)
            from {{ ref("properties") }}
            where deleted_at is null
        ) as property_count,
        count(*) as feature_count,
        count(distinct as_of_date) as date_count
    from {{ ref("property_features") }}
)

select *
from counted
where
    date_count > 1
    or (feature_count <> property_count and exists (
        select from {{ ref("int_sale__validated") }} where is_dated
    ))
