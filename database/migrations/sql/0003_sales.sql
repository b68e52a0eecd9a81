-- Sales: what people decided of them, and who is told of changes.

-- Overrides -----------------------------------------------------------------------------

create table ops.sale_overrides (
    override_id bigint generated always as identity primary key,
    sale_id uuid not null,
    verdict text check (verdict in ('market', 'excluded')),
    reason text not null check (reason <> ''),
    actor text not null check (actor <> ''),
    withdrawn boolean not null default false,
    at timestamptz not null default now(),
    check (withdrawn = (verdict is null))
);
create index sale_overrides_sale_idx on ops.sale_overrides (sale_id, override_id desc);
comment on table ops.sale_overrides is
    'Verdicts of people on sales; the newest of a sale wins over the rules, a withdrawn one '
    'gives the rules their say again. Append-only. One row per decision.';

create function ops.refuse_to_rewrite() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: write a newer row instead', tg_argv[0];
end
$$;
create trigger sale_overrides_are_kept before update or delete or truncate
    on ops.sale_overrides for each statement
    execute function ops.refuse_to_rewrite('ops.sale_overrides');

-- Changes -------------------------------------------------------------------------------
-- Incremental models read what changed, each change once. Whoever changes an input leaves
-- a note per reader in the same transaction; the reader takes its notes in the transaction
-- of its own rows. A slow writer's notes are seen when it commits, however late; a build
-- that fails leaves its notes where they were.

create table ops.model_inputs (
    model text not null,
    input text not null,
    since timestamptz not null default now(),
    primary key (model, input)
);
comment on table ops.model_inputs is
    'Which model is told of which input''s changes: a table (raw.csv__sales), or what another '
    'model tells (int_sale__validated). One row per model and input.';

create table ops.model_changes (
    model text not null,
    input text not null,
    key text,
    noted_at timestamptz not null default now()
);
create index model_changes_model_idx on ops.model_changes (model);
comment on table ops.model_changes is
    'Notes not yet taken: a key of the input that changed, null for all of it. One row per '
    'model, input, key and time it was noted.';

create table ops.noted_changes (
    change_id bigint generated always as identity primary key,
    input text not null,
    keys bigint,
    noted_at timestamptz not null default now()
);
create index noted_changes_input_idx on ops.noted_changes (input, change_id);
comment on table ops.noted_changes is
    'That an input changed, told whether anybody read it or not; keys is how many, null for '
    'all of it. One row per statement that changed it.';

create table ops.model_builds (
    model text primary key,
    code_fingerprint uuid not null,
    built_at timestamptz not null default now()
);
comment on table ops.model_builds is
    'Code that made all rows of an incremental model, written with them by its last rebuild. '
    'One row per model.';

create table ops.outcome_steps (
    batch_id uuid not null,
    source text not null,
    outcome text not null,
    reason text not null,
    is_simulated boolean not null,
    step bigint not null
);
comment on table ops.outcome_steps is
    'What increments of sales added to the counts of marts.sale_outcomes, or took away, and '
    'these do not hold yet. One row per increment, batch, outcome and reason.';

-- One lock an input: writers share it, so that they never wait for each other, and a model
-- that registers waits for those that could not know of it.
create function ops.change_lock(p_input text) returns bigint language sql immutable
return hashtextextended('ausproperty.changes.' || p_input, 0);

create function ops.tell_models(p_input text, p_keys text[]) returns void
language plpgsql as $$
begin
    if cardinality(p_keys) = 0 then
        return;
    end if;
    perform pg_advisory_xact_lock_shared(ops.change_lock(p_input));
    insert into ops.noted_changes (input, keys) values (p_input, cardinality(p_keys));
    insert into ops.model_changes (model, input, key)
    select reader.model, p_input, changed.key
    from ops.model_inputs as reader
    cross join unnest(coalesce(p_keys, array[null])) as changed (key)
    where reader.input = p_input;
end
$$;
comment on function ops.tell_models is
    'Notes for all readers of an input that these keys of it changed; null: all of it.';

create function ops.register_model(p_model text, p_inputs text[]) returns void
language plpgsql as $$
declare
    wanted text;
begin
    delete from ops.model_changes where model = p_model and input <> all (p_inputs);
    delete from ops.model_inputs where model = p_model and input <> all (p_inputs);
    for wanted in
        select unnest(p_inputs) except
        select input from ops.model_inputs where model = p_model
        order by 1
    loop
        perform pg_advisory_xact_lock(ops.change_lock(wanted));
        insert into ops.model_inputs (model, input) values (p_model, wanted)
        on conflict do nothing;
    end loop;
end
$$;
comment on function ops.register_model is
    'From its commit on the model is told of these inputs. Commit before reading them.';

-- More changed keys than this are as good as all: reading everything anew is quicker.
create function ops.keys_worth_telling() returns bigint language sql immutable
return 200000;

-- Trigger: tg_argv[0] is the key's column, the rest are columns whose change is no news.
create function ops.note_changes() returns trigger language plpgsql as $$
declare
    source constant text := tg_table_schema || '.' || tg_table_name;
    key_column constant text := quote_ident(tg_argv[0]);
    compared text;
    changed text;
    keys text[];
begin
    if tg_op = 'TRUNCATE' then
        perform ops.tell_models(source, null);
        return null;
    end if;
    select string_agg(quote_ident(attname), ', ' order by attnum) into compared
    from pg_attribute
    where attrelid = tg_relid and attnum > 0 and not attisdropped
        and attname <> all (coalesce(tg_argv[1:], '{}'));
    changed := case tg_op
        when 'INSERT' then format('select %s as key from new_rows', key_column)
        when 'DELETE' then format('select %s as key from old_rows', key_column)
        else format(
            'select %1$s as key from ((select %2$s from new_rows except all'
            ' select %2$s from old_rows) union all (select %2$s from old_rows except all'
            ' select %2$s from new_rows)) as different',
            key_column, compared
        )
    end;
    execute format(
        'select array_agg(distinct key::text) from (%s limit %s) as found',
        changed, ops.keys_worth_telling() + 1
    ) into keys;
    if cardinality(keys) > ops.keys_worth_telling() then
        perform ops.tell_models(source, null);
    else
        perform ops.tell_models(source, coalesce(keys, '{}'));
    end if;
    return null;
end
$$;

create procedure ops.note_changes_of(
    p_table regclass, p_key text, p_ignored text[] default '{}'
)
language plpgsql as $$
declare
    arguments constant text := (
        select string_agg(quote_literal(word), ', ' order by place)
        from unnest(array[p_key] || p_ignored) with ordinality as words (word, place)
    );
begin
    execute format(
        'create trigger inserts_are_noted after insert on %s referencing new table as'
        ' new_rows for each statement execute function ops.note_changes(%s)',
        p_table, arguments
    );
    execute format(
        'create trigger updates_are_noted after update on %s referencing old table as'
        ' old_rows new table as new_rows for each statement'
        ' execute function ops.note_changes(%s)',
        p_table, arguments
    );
    execute format(
        'create trigger deletes_are_noted after delete on %s referencing old table as'
        ' old_rows for each statement execute function ops.note_changes(%s)',
        p_table, arguments
    );
    execute format(
        'create trigger truncates_are_noted after truncate on %s'
        ' for each statement execute function ops.note_changes(%s)',
        p_table, arguments
    );
end
$$;

-- Files come and go batch by batch: a batch that was loaded, read again or discarded is a
-- change of the raw table its rows are in.
create function ops.note_batches() returns trigger language plpgsql as $$
declare
    found record;
begin
    for found in
        select f.table_name, array_agg(distinct f.batch_id::text) as batches
        from new_rows as f
        where not exists (
            select from old_rows as was
            where was.file_id = f.file_id
                and (was.status, was.rows_loaded, was.discarded_at)
                is not distinct from (f.status, f.rows_loaded, f.discarded_at)
        )
        group by f.table_name
        order by f.table_name
    loop
        perform ops.tell_models(found.table_name, found.batches);
    end loop;
    return null;
end
$$;
create function ops.note_new_batches() returns trigger language plpgsql as $$
declare
    found record;
begin
    for found in
        select table_name, array_agg(distinct batch_id::text) as batches
        from new_rows where rows_loaded > 0
        group by table_name order by table_name
    loop
        perform ops.tell_models(found.table_name, found.batches);
    end loop;
    return null;
end
$$;
create trigger new_batches_are_noted after insert on ops.source_files
    referencing new table as new_rows
    for each statement execute function ops.note_new_batches();
create trigger changed_batches_are_noted after update on ops.source_files
    referencing old table as old_rows new table as new_rows
    for each statement execute function ops.note_batches();

call ops.note_changes_of('ops.sale_overrides', 'sale_id');
call ops.note_changes_of(
    'intermediate.int_address__identity', 'address_hash',
    array['rule_version', 'revision', 'changed_at']
);
call ops.note_changes_of(
    'intermediate.int_property__redirects', 'from_property_id', array['rule_version']
);
