-- What holds of each REAXML listing, path by path, and whether it may be shown.
with documents as (
    select
        listing_id,
        document,
        -- Elements that must not be shown.
        array(
            select left(entry.key, -length('@display'))
            from jsonb_each(document) as entry
            where
                right(entry.key, 8) = '@display'
                and nullif(entry.value -> 1, 'null') <> '"yes"'
        ) as hidden
    from {{ ref("stg_reaxml__versions") }}
    where is_newest
)

select
    documents.listing_id,
    entry.key as path,
    entry.value -> 0 as value,
    nullif(entry.value -> 1, 'null') as reading,
    starts_with(entry.key, 'vendorDetails') or (
        right(entry.key, 8) <> '@display'
        and exists (
            select from unnest(documents.hidden) as element
            where
                (
                    entry.key = element
                    or starts_with(entry.key, element || '/')
                    or starts_with(entry.key, element || '@')
                    or starts_with(entry.key, element || '[')
                )
                -- A hidden street leaves suburb, state and postcode.
                and not (
                    element = 'address'
                    and entry.key ~ '^address/(suburb|state|postcode|country|region)'
                )
        )
    ) as is_withheld
from documents
cross join lateral jsonb_each(documents.document) as entry
