{{ config(materialized="view") }}

-- Versions that state another price than the one before that stated any. A bracket for
-- searches names none; a listing's first version states whatever it states.
with stated as (
    select
        *,
        case when asking_kind <> 'search_bracket' then asking_low_aud end as low_aud,
        case when asking_kind <> 'search_bracket' then asking_high_aud end as high_aud,
        case
            when asking_kind = 'rent' then rent_weekly_aud::text
            when asking_kind <> 'search_bracket'
                and coalesce(asking_low_aud, asking_high_aud) is not null
                then asking_kind
        end as price_kind
    from {{ ref("int_listing__versions") }}
    where asking_kind is not null
),

compared as (
    select
        *,
        lag(low_aud) over in_order as previous_low_aud,
        lag(high_aud) over in_order as previous_high_aud,
        lag(price_kind) over in_order as previous_kind
    from stated
    window in_order as (partition by listing_key order by version_order)
)

select * from compared
where
    version_order = 1
    or (low_aud, high_aud, price_kind)
    is distinct from (previous_low_aud, previous_high_aud, previous_kind)
