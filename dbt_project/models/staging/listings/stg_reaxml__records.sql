-- REAXML records with what decides in which order they apply to their listing: what they
-- say alone, no file name, no time of arrival. Within one second the stronger status comes
-- later (a sale after a current listing), then the smaller record: agencies send a whole
-- listing first and then what changed.
select
    _row_hash as version_id,
    md5('reaxml|' || agent_id || '|' || unique_id)::uuid as listing_id,
    agent_id,
    unique_id,
    kind,
    status,

    coalesce(
        array_position(
            array['current', 'offmarket', 'withdrawn', 'leased', 'sold'], status
        ),
        0
    ) as status_rank,
    (select count(*) from jsonb_object_keys(patch)) as patch_size,
    patch,
    readings,
    notes,

    _is_simulated as is_simulated,

    mod_time as modified_at_local,
    {{ market_instant("mod_time") }} as modified_at,
    mod_time_from,
    {{ market_instant("list_date") }} as listed_in_at,

    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from {{ source("raw", "reaxml__listings") }}
