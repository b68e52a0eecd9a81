-- What the landing suites have judged, so that a delta costs a delta.

create table ops.judged_batches (
    suite text not null,
    batch_id uuid not null,
    code text not null,
    rows_loaded bigint not null,
    judged_at timestamptz not null default now(),
    primary key (suite, batch_id)
);
comment on table ops.judged_batches is
    'Loads that passed a Great Expectations suite, by what rules (code) and with how many rows: '
    'other rules or rows, and they are judged again. One row per suite and batch.';
