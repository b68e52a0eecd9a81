-- Reconciles raw with the deduplicated sales: no row lost, none counted twice. Holds after
-- incremental runs too, so it also catches a batch that was overlooked.
with raw_rows as (
    select
        (select count(*) from {{ source("raw", "nsw_valuer__sales") }})
        + (select count(*) from {{ source("raw", "csv__sales") }}) as row_count
),

version_rows as (
    select coalesce(sum(version_count), 0) as row_count
    from {{ ref("int_sale__deduplicated") }}
)

select raw_rows.row_count as raw_row_count, version_rows.row_count as version_row_count
from raw_rows
cross join version_rows
where raw_rows.row_count <> version_rows.row_count
