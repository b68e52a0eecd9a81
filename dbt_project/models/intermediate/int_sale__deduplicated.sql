{{
    config(
        materialized="incremental",
        unique_key="sale_id",
        incremental_strategy="delete+insert",
        on_schema_change="fail",
        indexes=[
            {"columns": ["sale_id"], "unique": true},
            {"columns": ["batch_id"]},
        ],
        post_hook="{{ analyze_this() }}",
    )
}}

-- Newest version of every sale. Incremental by key, not by time: a batch is new when no
-- row here came from it, and then all versions of the sales it touches are ranked again,
-- so a late file with an older version changes nothing and a correction wins.
-- (A batch whose every row lost to a newer one is ranked again each run: same answer.)
-- When this code or that of staging changes, the whole table is rebuilt by itself.
with records as not materialized (
    select * from {{ ref("stg_nsw_valuer__sales") }}
    union all
    select * from {{ ref("stg_csv__sales") }}
),

{% if is_incremental() %}
    new_batches as (
        select _batch_id as batch_id from {{ source("raw", "nsw_valuer__sales") }}
        union
        select _batch_id from {{ source("raw", "csv__sales") }}
        except
        select batch_id from {{ this }}
    ),

    touched as (
        select distinct sale_id
        from records
        where batch_id in (select batch_id from new_batches)
    ),
{% endif %}

ranked as (
    select
        records.*,
        row_number() over newest_first as version_rank,
        count(*) over all_versions as version_count,
        min(known_on) over all_versions as first_known_on,
        min(loaded_at) over all_versions as first_loaded_at
    from records
    {% if is_incremental() %}
        where sale_id in (select sale_id from touched)
    {% endif %}
    window
        all_versions as (partition by sale_id),
        newest_first as (
            partition by sale_id
            order by
                version_score desc,
                version_at desc,
                source_file desc,
                source_row_number desc
        )
)

select
    sale_id,
    source,
    source_sale_id,
    deal_key,
    address_hash,
    dwelling_type,
    locality,
    state,
    postcode,
    zone_code,
    region,
    sale_method,
    price_aud,
    share_pct,
    bedrooms,
    bathrooms,
    car_spaces,
    land_area_m2,
    building_area_m2,
    year_built,
    latitude,
    longitude,
    is_sale,
    is_strata,
    is_dwelling_type_known,
    is_simulated,
    contract_date,
    settlement_date,
    known_on,
    known_at,
    first_known_on,
    version_at,
    version_count::int as version_count,
    source_file,
    source_row_number,
    batch_id,
    '{{ code_fingerprint() }}'::uuid as code_fingerprint,
    first_loaded_at
from ranked
where version_rank = 1
