-- What holds of each REAXML listing, as documents: all that is said, what it means, and
-- what may be shown apart from what may not.
with agents as (
    select
        listing_id,
        jsonb_agg(agent order by number) as agents
    from (
        select
            listing_id,
            substring(path from '^listingAgent\[([^]]*)\]') as number,
            jsonb_object_agg(
                coalesce(substring(path from '\]/(.*)$'), 'name'), value
            ) as agent
        from {{ ref("stg_reaxml__values") }}
        where path like 'listingAgent[%'
        group by 1, 2
    ) as named
    group by 1
),

folded as (
    select
        listing_id,
        jsonb_object_agg(path, value) as said,
        coalesce(
            jsonb_object_agg(path, reading) filter (where reading is not null), '{}'
        ) as means,
        jsonb_object_agg(path, value) filter (where not is_withheld) as payload,
        jsonb_object_agg(path, value) filter (where is_withheld) as withheld,
        jsonb_object_agg(substr(path, 10), reading) filter (
            where path like 'features/%' and jsonb_typeof(reading) = 'boolean'
        ) as features,
        jsonb_agg(
            jsonb_build_object(
                'id', substring(path from '\[(.*)\]$'), 'location', value
            )
            order by path <> 'images/img[m]', path
        ) filter (where path ~ '^images/img\[[^]]*\]$') as images
    from {{ ref("stg_reaxml__values") }}
    group by 1
)

select
    folded.listing_id,
    folded.said,
    folded.means,
    coalesce(folded.payload, '{}') as payload,
    coalesce(folded.withheld, '{}') as withheld,
    coalesce(folded.features, '{}') as features,
    coalesce(folded.images, '[]') as images,
    coalesce(agents.agents, '[]') as agents
from folded
left join agents on folded.listing_id = agents.listing_id
