-- Operational schema: what Python owns. Marts, staging and features belong to dbt.

create schema if not exists raw;
create schema if not exists staging;
create schema if not exists intermediate;
create schema if not exists marts;
create schema if not exists ml;
create schema if not exists delivery;
create schema if not exists ops;

-- ops ---------------------------------------------------------------------------

create table ops.market (
    singleton boolean primary key default true check (singleton),
    kind text not null check (kind in ('real', 'simulated')),
    created_at timestamptz not null default now()
);
comment on table ops.market is
    'Whether this database holds real or made-up data; the two never share one. One row.';

create table ops.source_files (
    file_id uuid primary key,
    source text not null,
    source_file text not null,
    container_file text not null,
    container_sha256 text not null,
    sha256 text not null,
    size_bytes bigint not null,
    partition_key text,
    batch_id uuid not null,
    status text not null check (status in ('loaded', 'refused')),
    reason text,
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_repeated bigint not null,
    rows_rejected bigint not null,
    record_counts jsonb not null default '{}',
    is_simulated boolean not null,
    loaded_at timestamptz not null default now(),
    check (rows_read = rows_loaded + rows_repeated + rows_rejected)
);
create index source_files_container_idx on ops.source_files (source, container_sha256);
create index source_files_partition_idx on ops.source_files (source, partition_key);
comment on table ops.source_files is
    'Ledger of every file read: one row per file inside its container (ZIP), written in '
    'the same transaction as its rows, so a container that is here is loaded whole.';

create table ops.builds (
    name text primary key,
    fingerprint text not null,
    summary jsonb not null default '{}',
    run_id text,
    finished_at timestamptz not null default now()
);
comment on table ops.builds is
    'Fingerprint of the inputs each derived stage was last built from; equal means up to date.';

create table ops.run_failures (
    run_id text primary key,
    job_name text not null,
    message text not null,
    failed_at timestamptz not null default now()
);
comment on table ops.run_failures is
    'Failed runs as the failure sensor noticed them, for alerting. One row per run.';

-- raw ---------------------------------------------------------------------------

create table raw.nsw_valuer__sales (
    district_code text not null,
    valuer_property_id text,
    sale_counter text not null,
    downloaded_at timestamp not null,
    property_name text,
    unit_number text,
    house_number text,
    street_name text,
    locality text,
    postcode text,
    area numeric,
    area_type text,
    contract_date date,
    settlement_date date,
    purchase_price_aud bigint,
    zone_code text,
    nature_code text,
    primary_purpose text,
    strata_lot_number text,
    component_code text,
    sale_code text,
    interest_percent smallint,
    dealing_number text,
    valuation_number text,
    dimensions text,
    legal_description text,
    purchaser_count smallint not null default 0,
    vendor_count smallint not null default 0,
    record_format text not null check (record_format in ('current', 'archive')),
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    _address_hash uuid not null generated always as (
        md5(
            coalesce(unit_number, '') || '|' || coalesce(house_number, '') || '|'
            || coalesce(street_name, '') || '|' || coalesce(locality, '') || '|'
            || coalesce(postcode, '') || '|' || coalesce(strata_lot_number, '') || '|'
            || district_code || '|' || coalesce(valuer_property_id, '')
        )::uuid
    ) stored,
    primary key (_row_hash)
);
create index nsw_valuer__sales_batch_idx on raw.nsw_valuer__sales (_batch_id);
create index nsw_valuer__sales_address_idx on raw.nsw_valuer__sales (_address_hash);
comment on table raw.nsw_valuer__sales is
    'NSW Valuer General property sales (PSI) B records as received, with the legal description '
    'of their C records and the parties counted from D records. Append-only. One row per '
    'distinct business content of a B record.';

create table raw.csv__sales (
    mapping text not null,
    source_record_id text,
    address text,
    locality text,
    state text,
    postcode text,
    dwelling_type text,
    sale_method text,
    is_sale boolean not null,
    sale_date date,
    price_aud bigint,
    bedrooms smallint,
    bathrooms smallint,
    car_spaces smallint,
    land_area_m2 numeric,
    building_area_m2 numeric,
    year_built smallint,
    latitude double precision,
    longitude double precision,
    distance_to_centre_km numeric,
    council_area text,
    region text,
    agent text,
    extra jsonb not null default '{}',
    original text not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    _address_hash uuid not null generated always as (
        md5(
            coalesce(address, '') || '|' || coalesce(locality, '') || '|'
            || coalesce(state, '') || '|' || coalesce(postcode, '')
        )::uuid
    ) stored,
    primary key (_row_hash)
);
create index csv__sales_batch_idx on raw.csv__sales (_batch_id);
create index csv__sales_address_idx on raw.csv__sales (_address_hash);
comment on table raw.csv__sales is
    'Rows of CSV files read through a mapping: canonical columns, unmapped columns as JSON, '
    'and the line as received. Append-only. One row per distinct line content of a mapping.';

create table raw.rejects (
    reject_id uuid primary key,
    source text not null,
    source_file text not null,
    row_number integer,
    field text,
    rule_id text not null,
    reason text not null,
    fix text not null,
    original text,
    original_bytes bigint,
    original_sha256 text,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _rejected_at timestamptz not null default now()
);
create index rejects_batch_idx on raw.rejects (_batch_id);
create index rejects_source_idx on raw.rejects (source, source_file, row_number);
comment on table raw.rejects is
    'What could not be loaded: one row per refused record, or per refused file (row_number null), '
    'with the rule, the reason, how to mend it and the original text.';

-- intermediate (Python-owned part) --------------------------------------------------

create table intermediate.int_address__identity (
    source text not null,
    address_hash uuid not null,
    property_id uuid not null,
    address_key text not null,
    key_kind text not null check (key_kind in ('address', 'parcel', 'non_identifying')),
    address text not null,
    unit_number text,
    street_number text,
    street_name text,
    street_type text,
    street_suffix text,
    lot_number text,
    locality text,
    state text,
    postcode text,
    confidence real not null,
    assumptions text[] not null default '{}',
    rule_version smallint not null,
    primary key (source, address_hash)
);
create index int_address__identity_property_idx on intermediate.int_address__identity (property_id);
comment on table intermediate.int_address__identity is
    'Canonical address and stable property_id (UUIDv5 of the canonical key) of every distinct '
    'address text received. One row per source and address hash.';

-- ml ------------------------------------------------------------------------------

create table ml.model_promotions (
    promotion_id bigint generated always as identity primary key,
    model_name text not null,
    to_version text not null,
    from_version text,
    action text not null check (action in ('approved', 'rejected', 'awaiting_review', 'observed')),
    actor text not null,
    reason text not null,
    gates jsonb not null default '{}',
    decided_at timestamptz not null default now()
);
comment on table ml.model_promotions is
    'Append-only ledger of decisions about registered model versions.';

create table ml.price_predictions (
    prediction_id uuid primary key,
    property_id uuid not null,
    valuation_date date not null,
    estimate_aud bigint not null check (estimate_aud > 0),
    low_aud bigint not null,
    high_aud bigint not null,
    interval_pct smallint not null,
    confidence real not null check (confidence between 0 and 1),
    method text not null check (
        method in ('model', 'last_prediction', 'indexed_last_sale', 'local_median')
    ),
    model_name text,
    model_version text,
    features_snapshot_id text not null,
    source_file text,
    source_row_number integer,
    is_simulated boolean not null,
    run_id text,
    created_at timestamptz not null default now(),
    check (low_aud <= estimate_aud and estimate_aud <= high_aud)
);
create index price_predictions_property_idx
    on ml.price_predictions (property_id, created_at desc);
comment on table ml.price_predictions is
    'Append-only valuations. One row per property each time its estimate changed.';

-- The newest prediction of each property: what a consumer should believe now.
create table ml.current_predictions (
    property_id uuid primary key,
    prediction_id uuid not null references ml.price_predictions
);

-- delivery --------------------------------------------------------------------------

create table delivery.retry_schedule (
    policy text not null,
    retry smallint not null check (retry > 0),
    delay_seconds integer not null check (delay_seconds > 0),
    jitter_pct smallint not null check (jitter_pct between 0 and 100),
    primary key (policy, retry)
);
insert into delivery.retry_schedule values
    ('standard', 1, 30, 20),
    ('standard', 2, 180, 20),
    ('standard', 3, 1080, 20),
    ('standard', 4, 6480, 20),
    ('standard', 5, 38880, 20);
comment on table delivery.retry_schedule is
    'Retry delays after a failed attempt, as data. One row per policy and retry.';

create table delivery.endpoints (
    endpoint_id uuid primary key,
    name text not null unique,
    url text not null,
    event_types text[] not null default '{*}',
    secret text not null,
    retry_policy text not null default 'standard',
    status text not null default 'active' check (status in ('active', 'disabled')),
    disabled_reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table delivery.events (
    event_id text primary key,
    event_key text not null unique,
    event_type text not null,
    subject_id uuid not null,
    body text not null check (octet_length(body) <= 65536),
    is_simulated boolean not null,
    occurred_at timestamptz not null,
    created_at timestamptz not null default now()
);
comment on table delivery.events is
    'Outbox: written in the transaction that made the fact. event_id is the webhook-id; body '
    'holds the exact bytes that are signed and sent on every attempt. One row per event.';

create table delivery.deliveries (
    delivery_id bigint generated always as identity primary key,
    event_id text not null references delivery.events,
    endpoint_id uuid not null references delivery.endpoints,
    status text not null default 'pending' check (
        status in ('pending', 'delivered', 'failed', 'dead')
    ),
    attempts smallint not null default 0,
    next_attempt_at timestamptz not null default now(),
    leased_until timestamptz,
    lease_owner text,
    last_status_code smallint,
    last_error text,
    delivered_at timestamptz,
    created_at timestamptz not null default now(),
    unique (event_id, endpoint_id)
    -- Room for the claim's new row version on the same page spares every index an entry.
) with (fillfactor = 60);
-- pending: not tried yet; failed: tried, waiting for its next attempt; both are due work.
-- Claims walk the due rows of one endpoint at a time, so that a slow receiver's backlog is
-- never in the way of another's.
create index deliveries_due_idx
    on delivery.deliveries (endpoint_id, next_attempt_at, delivery_id)
    where status in ('pending', 'failed');
comment on table delivery.deliveries is
    'What is to be sent where, and how it stands. attempts counts claims and fences off a '
    'worker whose lease was taken over. One row per event and endpoint.';

create table delivery.attempts (
    delivery_id bigint not null references delivery.deliveries,
    attempt smallint not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    status_code smallint,
    error_class text,
    error text,
    response_excerpt text,
    worker text not null,
    primary key (delivery_id, attempt)
);
comment on table delivery.attempts is
    'Log of every POST and how it ended. One row per delivery and attempt.';
