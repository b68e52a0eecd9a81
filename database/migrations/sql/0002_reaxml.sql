-- REAXML listing feeds.

create table raw.reaxml__listings (
    agent_id text not null,
    unique_id text not null,
    kind text not null,
    status text,
    mod_time timestamp not null,
    mod_time_from text not null check (mod_time_from in ('record', 'list', 'name', 'file')),
    list_date timestamp,
    record_number integer not null,
    patch jsonb not null,
    readings jsonb not null,
    notes jsonb not null,
    original text not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index reaxml__listings_key_idx
    on raw.reaxml__listings (agent_id, unique_id, mod_time);
create index reaxml__listings_batch_idx on raw.reaxml__listings (_batch_id);
comment on column raw.reaxml__listings.mod_time is
    'Local time that orders the records of a listing; mod_time_from tells where it comes from.';
comment on column raw.reaxml__listings.patch is
    'Path: value as received, or null where the element was sent empty (clear).';
comment on column raw.reaxml__listings.readings is
    'Path: what the value means (number, boolean, ISO date, amounts low and high).';
comment on table raw.reaxml__listings is
    'REAXML records as received: each says what changed in one listing of one agency; staging '
    'folds them. Prices with display "no" are in here: never serve this table. Append-only. One '
    'row per distinct record of a listing (agent_id, unique_id, kind, status, mod_time, patch).';
