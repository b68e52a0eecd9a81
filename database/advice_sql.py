"""SQL of the checks in `advice.py`, one statement each, over the system catalogues."""

from __future__ import annotations

_OURS = (
    "nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'dagster', "
    "'mlflow') and nspname not like 'pg_temp%%' and nspname not like 'pg_toast_temp%%'"
)

STATEMENTS = """
select
    query, calls, mean_exec_time as mean_ms, max_exec_time as max_ms,
    total_exec_time / 1000 as total_s, rows::float8 / calls as rows_each,
    (shared_blks_hit + shared_blks_read)::float8 / calls as blocks_each
from public.pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
    and query ~* '^\\s*(select|with)'
    and query !~* 'pg_(stat|class|catalog|index)'
    and mean_exec_time >= %(mean_ms)s
    and calls >= %(calls)s
order by total_exec_time desc
limit 15
"""

STATEMENTS_ON = """
select query
from public.pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
    and query ~* ('\\m' || %(table)s || '\\M')
    and query ~* '\\mwhere\\M|\\mon\\M'
order by total_exec_time desc
limit 50
"""

SCANS = f"""
select
    format('%%I.%%I', nspname, stats.relname) as name,
    stats.relname,
    seq_scan,
    seq_tup_read / seq_scan as rows_each,
    array(
        select attname::text from pg_attribute
        where attrelid = relid and attnum > 0 and not attisdropped order by attnum
    ) as columns,
    array(
        select distinct attname::text from pg_index
        inner join pg_attribute on attrelid = indrelid and attnum = indkey[0]
        where indrelid = relid and indisvalid
    ) as leading
from pg_stat_user_tables as stats
inner join pg_class on pg_class.oid = relid
inner join pg_namespace on pg_namespace.oid = relnamespace
where {_OURS}
    and seq_scan > 0
    and seq_tup_read / seq_scan >= %(scanned)s
order by seq_tup_read desc
limit 15
"""  # noqa: S608

UNUSED = f"""
select
    format('%%I.%%I', nspname, indexrelname) as name,
    pg_relation_size(stats.indexrelid) as size,
    obj_description(stats.indexrelid, 'pg_class') as comment
from pg_stat_user_indexes as stats
inner join pg_index using (indexrelid)
inner join pg_namespace on nspname = schemaname
where {_OURS}
    and idx_scan = 0
    and not indisunique
    and indisvalid
    and pg_relation_size(stats.indexrelid) >= %(size)s
order by 2 desc
limit 30
"""  # noqa: S608

# One index is the beginning of another: same table, method, rows and operator classes.
OVERLAPPING = f"""
with parts as (
    select
        indexrelid, indrelid, indisunique, indnkeyatts, nspname, relname, relam,
        array(select indkey[i] from generate_series(0, indnatts - 1) as i) as keys,
        array(
            select indclass[i] from generate_series(0, indnkeyatts - 1) as i
        ) as classes,
        array(
            select indoption[i] from generate_series(0, indnkeyatts - 1) as i
        ) as options,
        coalesce(pg_get_expr(indpred, indrelid), '') as predicate
    from pg_index
    inner join pg_class on pg_class.oid = indexrelid
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where {_OURS} and indisvalid and indexprs is null
)
select
    format('%%I.%%I', narrow.nspname, narrow.relname) as name,
    format('%%I.%%I', wide.nspname, wide.relname) as wider,
    pg_relation_size(narrow.indexrelid) as size
from parts as narrow
inner join parts as wide
    on narrow.indrelid = wide.indrelid
    and narrow.indexrelid <> wide.indexrelid
    and narrow.relam = wide.relam
    and narrow.predicate = wide.predicate
    and narrow.indnkeyatts <= wide.indnkeyatts
    and narrow.keys[1:narrow.indnkeyatts] = wide.keys[1:narrow.indnkeyatts]
    and narrow.classes = wide.classes[1:narrow.indnkeyatts]
    and narrow.options = wide.options[1:narrow.indnkeyatts]
    -- What it includes, the other holds as well.
    and narrow.keys <@ wide.keys
    -- Of two alike, the younger is told.
    and (narrow.keys <> wide.keys or narrow.indexrelid > wide.indexrelid)
inner join pg_am on pg_am.oid = narrow.relam and amname = 'btree'
where
    not narrow.indisunique
    -- One of a third the size earns its place: less to read for those it serves.
    and pg_relation_size(narrow.indexrelid) * 3 > pg_relation_size(wide.indexrelid)
order by 3 desc
limit 30
"""  # noqa: S608

INVALID = f"""
select format('%%I.%%I', nspname, relname) as name
from pg_index
inner join pg_class on pg_class.oid = indexrelid
inner join pg_namespace on pg_namespace.oid = relnamespace
where {_OURS} and not indisvalid
order by 1
"""  # noqa: S608

# From the planner's statistics: rows times their average width, against the pages held.
# Indexes of equal keys are smaller than this (deduplication), never larger.
BLOAT = f"""
with widths as (
    select
        pg_class.oid, attnum, avg_width * (1 - null_frac) as width
    from pg_stats
    inner join pg_namespace on nspname = schemaname
    inner join pg_class on relname = tablename and relnamespace = pg_namespace.oid
    inner join pg_attribute
        on attrelid = pg_class.oid and pg_attribute.attname = pg_stats.attname
    where not inherited
),
tables as (
    select
        pg_class.oid, nspname, relname, relkind, relpages, reltuples,
        24 + 4 + 4 + (select sum(width) from widths where widths.oid = pg_class.oid)
            as row_bytes
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where {_OURS} and relkind = 'r' and reltuples > 0
),
indexes as (
    select
        pg_class.oid, nspname, relname, relkind, relpages, reltuples,
        8 + 4 + 8 + (
            select sum(ceil(width / 8) * 8) from widths
            where widths.oid = indrelid and attnum = any(indkey)
        ) as row_bytes
    from pg_index
    inner join pg_class on pg_class.oid = indexrelid
    inner join pg_namespace on pg_namespace.oid = relnamespace
    inner join pg_am on pg_am.oid = relam
    where {_OURS} and amname = 'btree' and indexprs is null and reltuples > 0
),
sizes as (
    select
        *,
        relpages * 8192.0 as size,
        relpages * 8192.0 - reltuples * row_bytes / case relkind when 'i' then 0.85
            else 0.95 end as waste
    from (select * from tables union all select * from indexes) as relations
)
select format('%%I.%%I', nspname, relname) as name, relkind, size, waste
from sizes
where waste >= %(waste)s and waste >= %(share)s * size
order by waste desc
limit 20
"""  # noqa: S608

DEAD = f"""
select
    format('%%I.%%I', nspname, stats.relname) as name,
    n_dead_tup, n_live_tup,
    to_char(greatest(last_vacuum, last_autovacuum), 'YYYY-MM-DD HH24:MI') as vacuumed
from pg_stat_user_tables as stats
inner join pg_namespace on nspname = schemaname
where {_OURS}
    and n_dead_tup >= %(least)s
    and n_dead_tup >= %(share)s * n_live_tup
order by n_dead_tup desc
"""  # noqa: S608

# Tables with a covering index, whose use lives on the visibility map.
UNVISITED = f"""
select distinct
    format('%%I.%%I', nspname, relname) as name,
    relallvisible::float8 / relpages as share
from pg_index
inner join pg_class on pg_class.oid = indrelid
inner join pg_namespace on pg_namespace.oid = relnamespace
where {_OURS}
    and indnatts > indnkeyatts
    and relpages > 1000
    and relallvisible < %(share)s * relpages
order by 1
"""  # noqa: S608

CACHE = """
select
    datname, blks_read, blks_hit + blks_read as blocks,
    blks_hit::float8 / nullif(blks_hit + blks_read, 0) as share
from pg_stat_database
where datname = current_database()
"""

TRANSACTIONS = """
select
    pid, application_name, state, query,
    extract(epoch from clock_timestamp() - xact_start)::float8 as seconds,
    nullif(array_to_string(pg_blocking_pids(pid), ', '), '') as blockers
from pg_stat_activity
where datname = current_database()
    and pid <> pg_backend_pid()
    and xact_start < clock_timestamp() - %(seconds)s * interval '1 second'
order by xact_start
"""
