-- A made-up market lives in a database of its own: fails with the kinds found if both are.
-- The ledger says it of every file, in the transaction that loads the file's rows.
select is_simulated
from {{ source("ops", "source_files") }}
where table_name in ('raw.nsw_valuer__sales', 'raw.csv__sales')
group by is_simulated
having (
    select count(distinct is_simulated)
    from {{ source("ops", "source_files") }}
    where table_name in ('raw.nsw_valuer__sales', 'raw.csv__sales')
) > 1
