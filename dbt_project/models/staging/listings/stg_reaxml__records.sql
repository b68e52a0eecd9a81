-- REAXML records in the order in which they apply to their listing, which depends on
-- what they say alone: no file name, no time of arrival. Within one second the stronger
-- status comes later (a sale after a current listing), then the smaller record: agencies
-- send a whole listing first and then what changed.
select
    md5('reaxml|' || agent_id || '|' || unique_id)::uuid as listing_id,
    row_number() over (
        partition by agent_id, unique_id
        order by
            mod_time,
            coalesce(
                array_position(
                    array['current', 'offmarket', 'withdrawn', 'leased', 'sold'], status
                ),
                0
            ),
            (select count(*) from jsonb_object_keys(patch)) desc,
            _row_hash
    ) as record_order,
    agent_id,
    unique_id,
    kind,
    status,

    patch,
    readings,
    notes,

    _is_simulated as is_simulated,

    mod_time as modified_at_local,
    {{ market_instant("mod_time") }} as modified_at,
    mod_time_from,

    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from {{ source("raw", "reaxml__listings") }}
