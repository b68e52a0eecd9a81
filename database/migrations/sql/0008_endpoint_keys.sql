create table delivery.endpoint_keys (
    key_id bigint generated always as identity primary key,
    endpoint_id uuid not null references delivery.endpoints,
    kind text not null check (kind in ('v1', 'v1a')),
    -- Every Fernet token begins so, and no written secret does.
    secret_sealed text not null check (secret_sealed like 'gAAAA%'),
    public_key text check ((public_key is not null) = (kind = 'v1a')),
    created_at timestamptz not null default now(),
    not_after timestamptz
);
create unique index endpoint_keys_current_idx
    on delivery.endpoint_keys (endpoint_id, kind) where not_after is null;
create index endpoint_keys_endpoint_idx on delivery.endpoint_keys (endpoint_id);
comment on table delivery.endpoint_keys is
    'Signing keys, sealed by a master key that is not in the database. not_after null: the '
    'current one of its kind; later on the key signs no more. One row per key ever made.';

alter table delivery.endpoints
    add column signing text[] not null default '{v1}' check (
        signing <@ array['v1', 'v1a'] and cardinality(signing) between 1 and 2
    ),
    add column compat_signature boolean not null default false,
    add column removed_at timestamptz,
    alter column secret drop not null,
    -- Not validated: what stands is sealed by the first command or run after the upgrade,
    -- which has the master key; until then nobody may add to it.
    add constraint endpoints_no_plain_secret check (secret is null) not valid;
comment on column delivery.endpoints.secret is
    'Empty: secrets are sealed in endpoint_keys.';
comment on column delivery.endpoints.signing is 'Kinds of signature that it is sent.';
comment on column delivery.endpoints.compat_signature is
    'Whether X-Signature-256 is sent too. It covers the body alone: no replay protection.';
comment on column delivery.endpoints.removed_at is
    'Removed endpoints keep their row for the log of attempts, and no key.';
