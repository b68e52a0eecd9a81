-- Entity resolution: who redirects to whom, what people decided, what increments need.

create table intermediate.int_property__redirects (
    from_property_id uuid primary key,
    to_property_id uuid not null,
    reason text not null check (reason in ('linked', 'reviewed')),
    score real,
    evidence jsonb not null default '{}',
    rule_version smallint not null,
    changed_at timestamptz not null default now()
);
create index int_property__redirects_to_idx
    on intermediate.int_property__redirects (to_property_id);
comment on table intermediate.int_property__redirects is
    'Property ids that turned out to be one home: each names the survivor, never another '
    'that is redirected. A merge that was undone names itself. One row per property id that '
    'was ever merged.';

create table marts.merge_reviews (
    review_id uuid primary key,
    low_property_id uuid not null,
    high_property_id uuid not null,
    low_address_key text not null,
    high_address_key text not null,
    low_address text not null,
    high_address text not null,
    score real,
    why text not null,
    evidence jsonb not null default '{}',
    status text not null check (status in ('open', 'merged', 'kept_apart', 'superseded')),
    decided_by text,
    decided_at timestamptz,
    reason text,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    check (low_property_id < high_property_id)
);
create index merge_reviews_open_idx on marts.merge_reviews (score desc, review_id)
    where status = 'open';
create index merge_reviews_low_idx on marts.merge_reviews (low_property_id);
create index merge_reviews_high_idx on marts.merge_reviews (high_property_id);
comment on table marts.merge_reviews is
    'Pairs of property ids that may be one home and that a person decides, and what was '
    'decided. One row per pair.';

create table ops.merge_decisions (
    decision_id bigint generated always as identity primary key,
    low_address_key text not null,
    high_address_key text not null,
    low_property_id uuid not null,
    high_property_id uuid not null,
    low_addresses jsonb not null default '[]',
    high_addresses jsonb not null default '[]',
    verdict text not null check (verdict in ('merge', 'keep_apart', 'undo')),
    actor text not null check (actor <> ''),
    reason text not null check (reason <> ''),
    decided_at timestamptz not null default now(),
    check (low_property_id < high_property_id)
);
create index merge_decisions_pair_idx
    on ops.merge_decisions (low_property_id, high_property_id, decision_id);
comment on table ops.merge_decisions is
    'Append-only ledger of people''s decisions on pairs of homes; the last one of a pair '
    'stands. The addresses (source and hash of the text as received) find the pair again '
    'after a change of the canonical key. One row per decision.';
create function ops.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end $$;
create trigger merge_decisions_append_only before update or delete or truncate
    on ops.merge_decisions for each statement execute function ops.refuse_change();

-- The property id a side of a decision has now: its own while an address has it, else that
-- of its addresses as received; null where none is known any more.
create function ops.property_of(p_property_id uuid, p_addresses jsonb) returns uuid
language sql stable as $$
    select coalesce(
        (
            select property_id from intermediate.int_address__identity
            where property_id = p_property_id limit 1
        ),
        (
            select i.property_id
            from jsonb_array_elements(p_addresses) as a (pair)
            join intermediate.int_address__identity i
                on i.source = a.pair ->> 0 and i.address_hash = (a.pair ->> 1)::uuid
            group by i.property_id order by count(*) desc, i.property_id limit 1
        )
    )
$$;

create table ops.linkage_state (
    singleton boolean primary key default true check (singleton),
    fingerprint text not null,
    decision_id bigint not null,
    finished_at timestamptz not null default now()
);
comment on table ops.linkage_state is
    'By which rules the linkage was made, and up to which decision. One row.';

create table ops.linkage_addresses (
    source text not null,
    address_hash uuid not null,
    property_id uuid not null,
    title text,
    parcel text generated always as (
        split_part(title, '|', 1) || '|' || split_part(title, '|', 2)
    ) stored,
    latitude double precision,
    longitude double precision,
    dwelling_type text,
    is_lot_alone boolean not null,
    is_unit_its_lot boolean,
    primary key (address_hash, source)
);
create index linkage_addresses_property_idx on ops.linkage_addresses (property_id);
create index linkage_addresses_lot_idx on ops.linkage_addresses (parcel)
    where is_lot_alone and parcel is not null;
create index linkage_addresses_plan_idx on ops.linkage_addresses (parcel)
    include (title, property_id, is_unit_its_lot) where is_unit_its_lot is not null;
comment on table ops.linkage_addresses is
    'What sources say of an address besides the address: title (state, parcel, strata lot), '
    'median coordinates, commonest dwelling type; whether it names a lot and no unit, and '
    'whether its unit has the number of its strata lot (null: it tells nothing of that). One '
    'row per source and address hash.';

create table ops.linkage_records (
    property_id uuid primary key,
    street_key bigint not null,
    first_number integer,
    block_keys bigint[] not null
);
create index linkage_records_street_idx on ops.linkage_records (street_key);
create index linkage_records_block_idx on ops.linkage_records
    using gin (block_keys) with (fastupdate = off);
comment on table ops.linkage_records is
    'Blocks of every record, for increments: who else might be the same home. One row per '
    'property id.';

create table ops.linkage_streets (
    street_key bigint primary key,
    support smallint not null
);
comment on table ops.linkage_streets is
    'House numbers seen in each street, up to six: a street with few may be a slip for one '
    'with many. One row per street.';

create table ops.linkage_pairs (
    low_id uuid not null,
    high_id uuid not null,
    score real not null,
    verdict text not null check (verdict in ('merge', 'review')),
    why text,
    levels smallint[] not null,
    primary key (low_id, high_id)
);
create index linkage_pairs_high_idx on ops.linkage_pairs (high_id);
comment on table ops.linkage_pairs is
    'Pairs of records that are one home by their score, or that a person should see. One '
    'row per pair.';
