-- Reconciles what the ledger says was loaded with what became of it: no row lost, none
-- counted twice, none without a fate. Holds after incremental runs too, so it also catches
-- a batch that was overlooked. That raw holds what the ledger says is another check's word.
with loaded as (
    select batch_id, sum(rows_loaded) as row_count
    from {{ source("ops", "source_files") }}
    where table_name in ('raw.nsw_valuer__sales', 'raw.csv__sales')
    group by batch_id
),

outcomes as (
    select
        batch_id,
        sum(row_count) as row_count,
        bool_or(outcome = 'unaccounted') as has_unaccounted
    from {{ ref("sale_outcomes") }}
    group by batch_id
)

select
    batch_id,
    loaded.row_count as loaded_row_count,
    outcomes.row_count as outcome_row_count
from loaded
full join outcomes using (batch_id)
where
    coalesce(loaded.row_count, 0) <> coalesce(outcomes.row_count, 0)
    or outcomes.has_unaccounted
