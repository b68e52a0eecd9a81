{{
    config(
        indexes=[
            {"columns": ["suburb_key"], "unique": true, "serves": ["grain"]},
            {"columns": ["suburb public.gin_trgm_ops"], "type": "gin",
             "extension": "pg_trgm", "serves": ["address_search"]},
        ],
        post_hook=["{{ analyze_this() }}"],
    )
}}

-- Names to search addresses by. One look-up in the index a suburb, however many millions
-- of properties they have: the next key after the last one, until there is none.
with recursive keys as (
    select min(suburb_key) as suburb_key
    from {{ ref("properties") }}
    where deleted_at is null
    union all
    select (
        select min(properties.suburb_key)
        from {{ ref("properties") }} as properties
        where properties.suburb_key > keys.suburb_key and properties.deleted_at is null
    )
    from keys
    where keys.suburb_key is not null
)

select
    keys.suburb_key,
    one.state,
    upper(one.suburb) as suburb,
    one.is_simulated
from keys
cross join lateral (
    select properties.state, properties.suburb, properties.is_simulated
    from {{ ref("properties") }} as properties
    where properties.suburb_key = keys.suburb_key and properties.deleted_at is null
    limit 1
) as one
