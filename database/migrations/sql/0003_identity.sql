-- Identity: what else is known of an address, what has been read, G-NAF by property.

alter table intermediate.int_address__identity
    add column level_number text,
    add column building_name text,
    add column street_type_code text,
    add column locality_id text,
    add column gnaf_pid text,
    add column parcel_key text,
    add column dwelling_kind text check (dwelling_kind in ('parcel', 'dwelling')),
    add column changed_at timestamptz not null default now(),
    add column revision bigint not null default 0;
create index int_address__identity_parcel_idx
    on intermediate.int_address__identity (parcel_key) where parcel_key is not null;
-- Asks what is older than the rules, or newer than a reader's mark, of millions of rows that
-- lie in the order they were written; costs nothing to keep.
create index int_address__identity_read_idx
    on intermediate.int_address__identity using brin (rule_version, revision)
    with (autosummarize = on);
comment on column intermediate.int_address__identity.street_type_code is
    'Code of the street type as G-NAF has it (AVENUE, STREET); null where there is none.';
comment on column intermediate.int_address__identity.locality_id is
    'Locality of the reference set; null where none could be told.';
comment on column intermediate.int_address__identity.gnaf_pid is
    'G-NAF address of the property in the current release, aliases resolved to principals.';
comment on column intermediate.int_address__identity.parcel_key is
    'Parcel of land the address lies on, where its source says so: land values join by it.';
comment on column intermediate.int_address__identity.dwelling_kind is
    'dwelling: a unit or strata lot within a parcel; parcel: the whole of it, a house and '
    'its land. Null where the address identifies nothing.';
comment on column intermediate.int_address__identity.changed_at is
    'When the row''s property_id was last set to another one, or the row was made.';
comment on column intermediate.int_address__identity.revision is
    'Number of the identification that last wrote the row. Identifications take turns, so '
    'that a higher number is also committed later: readers may use it as their mark.';

create sequence ops.identity_revision;

create table ops.identified_batches (
    source text not null,
    batch text not null,
    content text not null,
    reading text not null,
    revision bigint not null,
    identified_at timestamptz not null default now(),
    primary key (source, batch)
);
comment on table ops.identified_batches is
    'What was read for its addresses, written with their identities: batches of the ledger, '
    'staging relations, releases of G-NAF. What has other content now (rows loaded, or a '
    'fingerprint), or was read by other rules or places (reading), is read again. One row per '
    'source and batch.';

create table intermediate.int_gnaf__keys (
    property_id uuid primary key,
    address_key text not null,
    gnaf_pid text not null,
    candidates smallint not null,
    legal_parcel_id text,
    latitude double precision,
    longitude double precision,
    release_id uuid not null
);
comment on table intermediate.int_gnaf__keys is
    'Addresses of the current G-NAF release by the property they are: same keys as those of '
    'every other source. An alias counts for its principal; where several principals share a '
    'key (candidates), the one with the lowest PID stands. One row per property.';
