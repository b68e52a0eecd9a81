-- A made-up market lives in a database of its own: fails with the kinds found if both are.
select is_simulated
from {{ ref("sales") }}
group by is_simulated
having (select count(distinct is_simulated) from {{ ref("sales") }}) > 1
