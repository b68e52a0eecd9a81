-- Rejects that are worked off, what files looked like, where they came from, how the
-- pulls of each source went.

-- The ledger: enough to read a file again -------------------------------------------

alter table ops.source_files
    add column table_name text,
    add column location text,
    add column read_with text,
    add column reread_wanted boolean not null default false,
    add column retried_at timestamptz,
    add column discarded_at timestamptz,
    add column superseded_by uuid;
update ops.source_files set table_name = case source
    when 'csv' then 'raw.csv__sales' else 'raw.nsw_valuer__sales' end;
alter table ops.source_files alter column table_name set not null;
create index source_files_batch_idx on ops.source_files (batch_id);
create index source_files_container_file_idx on ops.source_files (source, container_file);
create index source_files_name_idx on ops.source_files (source, source_file);
comment on column ops.source_files.table_name is
    'Table its rows went to, schema included.';
comment on column ops.source_files.location is
    'Path or address the outer file was read from, for a retry.';
comment on column ops.source_files.read_with is
    'What it was read with besides the code: name or path of a mapping.';
comment on column ops.source_files.superseded_by is
    'Batch of a container of the same name with other bytes, loaded later: the publisher changed '
    'the file. What this one brought stays, raw is append-only.';
comment on column ops.source_files.reread_wanted is
    'A batch was discarded whose rows this file may repeat; a retry reads it again.';

-- Quarantine --------------------------------------------------------------------------

alter table raw.rejects
    add column resolved_at timestamptz,
    add column resolution text,
    add check ((resolved_at is null) = (resolution is null));
create index rejects_open_idx on raw.rejects (source, _batch_id) where resolved_at is null;
comment on column raw.rejects.resolution is
    'How it was worked off: loaded on retry, no longer refused, replaced by a newer '
    'reason, superseded by a corrected file. Null while it waits.';

-- Schema drift --------------------------------------------------------------------------

create table ops.source_fields (
    source text not null,
    dataset text not null,
    field text not null,
    status text not null check (status in ('known', 'new', 'missing', 'unmapped')),
    first_seen_at timestamptz not null default now(),
    first_file text not null,
    last_seen_at timestamptz,
    last_file text,
    files bigint not null default 0,
    changed_at timestamptz not null default now(),
    changed_file text not null,
    primary key (source, dataset, field)
);
comment on table ops.source_fields is
    'Field names that files showed. known: read by the connector or passed over on purpose; '
    'unmapped: unknown, but there from the first file on; new: unknown and came later; missing: '
    'required, or there before, and absent from the newest file (changed_file). One row per source, '
    'dataset and field name.';

-- Source health ------------------------------------------------------------------------

create table ops.source_runs (
    source_run_id bigint generated always as identity primary key,
    source text not null,
    dataset text not null default '',
    started_at timestamptz not null,
    finished_at timestamptz not null default now(),
    status text not null check (status in ('ok', 'stale', 'parked', 'failed')),
    rows bigint not null default 0,
    rejects bigint not null default 0,
    detail jsonb not null default '{}'
);
create index source_runs_newest_idx
    on ops.source_runs (source, dataset, finished_at desc);
comment on table ops.source_runs is
    'Pulls of each source and how they ended. ok: everything on offer is here; stale: the source '
    'was away and the last good snapshot stands; parked: a quota is used up; failed: nothing '
    'could be done. One row per pull.';

-- What loading sales pays for ----------------------------------------------------------

-- Nothing looks a sale up by the hash of its address (new addresses are found by a join over the
-- whole table), and a tree over random hashes cost a load as much as its rows. The rows of a batch
-- lie together, so the range of batches each stretch of the table holds finds them.
drop index raw.nsw_valuer__sales_address_idx;
drop index raw.csv__sales_address_idx;
drop index raw.nsw_valuer__sales_batch_idx;
create index nsw_valuer__sales_batch_idx on raw.nsw_valuer__sales
    using brin (_batch_id) with (pages_per_range = 32, autosummarize = on);
