{#- How incremental models are told what changed. The README explains it with an example. -#}

{% macro is_incremental() -%}
    {#- dbt's own rule, decided once a run of a model: its SQL is compiled before its
        materialization asks again, and both must answer the same. -#}
    {%- if not execute -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set node = graph.get("nodes", {}).get(model.unique_id, {}) -%}
    {%- set memo = "is_incremental_" ~ invocation_id -%}
    {%- if memo not in node -%}
        {%- set existing = adapter.get_relation(this.database, this.schema, this.table) -%}
        {%- do node.update({
            memo: existing is not none
                and existing.type == "table"
                and model.config.materialized == "incremental"
                and not should_full_refresh()
        }) -%}
    {%- endif -%}
    {{- return(node[memo]) -}}
{%- endmacro %}

{% macro reads_changes_of(inputs) -%}
    {#- Pre-hook with `transaction: false`: from now on the model is told of what changes
        in these inputs. Committed before anything of them is read. (`begin`, because dbt
        believes itself in a transaction since it asked whether to rebuild.) -#}
    select ops.register_model('{{ this.identifier }}', array[
        {%- for input in inputs %}'{{ input }}'{{ ", " if not loop.last }}{% endfor -%}
    ]);
    commit;
    begin
{%- endmacro %}

{% macro takes_changes() -%}
    {#- Pre-hook: takes the model's notes, in its own transaction. What is committed later
        is there next time; what a build that fails had taken is there again. -#}
    create temporary table taken_changes (input text, key text) on commit drop;
    with taken as (
        delete from ops.model_changes where model = '{{ this.identifier }}'
        returning input, key
    )
    insert into taken_changes select distinct input, key from taken;
    analyze taken_changes
    {%- if not is_incremental() %};
    insert into ops.model_builds (model, code_fingerprint)
    values ('{{ this.identifier }}', '{{ code_fingerprint() }}')
    on conflict (model) do update
    set code_fingerprint = excluded.code_fingerprint, built_at = now()
    {%- endif -%}
{%- endmacro %}

{% macro changes_of(input) -%}
    {#- The changed keys of an input, as text; for the SQL that `touches` runs. -#}
    (select key from taken_changes where input = '{{ input }}')
{%- endmacro %}

{% macro touches(key_type, keys_sql) -%}
    {#- Pre-hook: which keys of this model the changes touch. keys_sql selects one column. -#}
    {%- if is_incremental() -%}
        create temporary table touched_keys (key {{ key_type }}) on commit drop;
        insert into touched_keys
        select distinct key from ({{ keys_sql }}) as touched (key) where key is not null;
        analyze touched_keys
    {%- endif -%}
{%- endmacro %}

{% macro touched() -%}
    {#- The touched keys, column `key`: a model's rows are made anew for these alone. Unit
        tests override it with keys of their own. -#}
    touched_keys
{%- endmacro %}

{% macro get_incremental_touched_sql(arg_dict) -%}
    {#- Strategy `touched`: the table comes to hold, of each touched key, the rows the model
        gives now, none if it gives none. Rows that are as they were stay untouched, and
        nobody is told of them. `surplus` is how many more of a row there are than there
        were: less than none of those that go. -#}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set made = arg_dict["temp_relation"] -%}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set columns = get_quoted_csv(arg_dict["dest_columns"] | map(attribute="name")) -%}
    create temporary table changed_rows on commit drop as
    select
        {{ columns }},
        array_agg(row_address) filter (where row_address is not null) as row_addresses,
        count(*) - 2 * count(row_address) as surplus
    from (
        select {{ columns }}, ctid as row_address from {{ target }}
        where {{ key }} = any(array(select key from touched_keys))
        union all
        select {{ columns }}, null from {{ made }}
    ) as before_and_after
    group by {{ columns }}
    having count(*) <> 2 * count(row_address);
    delete from {{ target }} where ctid = any(array(
        select unnest(row_addresses[1:(-surplus)::int]) from changed_rows where surplus < 0
    ));
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from changed_rows cross join generate_series(1, surplus);
    {%- set counted = model.config.get("meta", {}).get("outcomes") -%}
    {%- if counted %}
    insert into ops.outcome_steps (batch_id, source, outcome, reason, is_simulated, step)
    select batch_id, source, {{ counted["outcome"] }}, {{ counted["reason"] }}, is_simulated,
        sum(surplus)
    from changed_rows
    where {{ counted["where"] }}
    group by 1, 2, 3, 4, 5
    having sum(surplus) <> 0;
    {%- endif -%}
    {%- for input, column in tells().items() %}
    select ops.tell_models('{{ input }}', array(
        select distinct {{ column }}::text from changed_rows where {{ column }} is not null
    ));
    {%- endfor %}
{%- endmacro %}

{% macro tells() -%}
    {#- What this model tells its readers: input name to column, from `meta: {tells: ...}`. -#}
    {{- return(model.config.get("meta", {}).get("tells", {}) if execute else {}) -}}
{%- endmacro %}

{% macro tells_of_rebuild() -%}
    {#- Post-hook: after a rebuild, everything may have changed. A table that was empty
        and is empty again (nothing of its source has ever landed) has no news: else its
        readers would be rebuilt every night. -#}
    {%- if not is_incremental() -%}
        {%- set node = graph.get("nodes", {}).get(model.unique_id, {}) -%}
        {%- set was_empty = node.get("was_empty_" ~ invocation_id, false) -%}
        {%- for input in tells() %}
    select ops.tell_models('{{ input }}', null)
            {%- if was_empty %} where exists (select from {{ this }}){% endif %};
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{% macro everything_changed() -%}
    {#- Whether one of the model's notes says so: then a rebuild is quicker, and right. -#}
    {%- set found = run_query(
        "select 1 where exists (select from ops.model_changes where model = '"
        ~ this.identifier ~ "' and key is null)"
        ~ " or not exists (select from ops.model_inputs where model = '"
        ~ this.identifier ~ "')"
    ) -%}
    {{- return(found | length > 0) -}}
{%- endmacro %}

{% macro takes_outcome_steps() -%}
    {#- Pre-hook of sale_outcomes: what increments of the models it counts added and took
        away, as these say in their meta (`outcomes`). -#}
    create temporary table taken_outcome_steps (like ops.outcome_steps) on commit drop;
    with taken as (delete from ops.outcome_steps returning *)
    insert into taken_outcome_steps select * from taken;
    analyze taken_outcome_steps
{%- endmacro %}

{% macro outcome_steps() -%}
    {#- The steps taken; unit tests override it with steps of their own. -#}
    taken_outcome_steps
{%- endmacro %}
