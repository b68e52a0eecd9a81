{% macro postgres__get_create_index_sql(relation, index_dict) -%}
    {#- The `indexes` config with what dbt's own lacks: `where`, `include`, `type` with
        `with`, an optional `extension`, a `since` column, and `serves`, which ends up as the
        index's comment. The name tells table and columns; the tail tells it apart from the
        index of the table being replaced, which lives until the commit. -#}
    {%- set known = [
        "columns", "unique", "type", "include", "where", "since", "with", "extension", "serves",
    ] -%}
    {%- for key in index_dict if key not in known -%}
        {%- do exceptions.raise_compiler_error(
            "an index of " ~ this ~ " has the unknown setting " ~ key ~ "; known: " ~ known
        ) -%}
    {%- endfor -%}
    {%- set words = modules.re.sub("\\W+", "_", index_dict["columns"] | join("_")) -%}
    {%- set name = (this.identifier ~ "_" ~ words)[:52] ~ "_"
        ~ local_md5(words ~ (index_dict | string) ~ modules.datetime.datetime.now())[:8] -%}
    {%- set conditions = [] -%}
    {%- if index_dict.get("where") -%}{%- do conditions.append(index_dict["where"]) -%}{%- endif -%}
    {%- if index_dict.get("since") -%}
        {%- do conditions.append(
            index_dict["since"] ~ " >= '" ~ index_boundary(this.identifier, index_dict["since"]) ~ "'"
        ) -%}
    {%- endif -%}
    {%- set statement -%}
        create {{ "unique " if index_dict.get("unique") }}index "{{ name }}" on {{ relation }}
        {{- " using " ~ index_dict["type"] if index_dict.get("type") }} ({{ index_dict["columns"] | join(", ") }})
        {{- " include (" ~ index_dict["include"] | join(", ") ~ ")" if index_dict.get("include") }}
        {{- " with (" ~ index_dict["with"] ~ ")" if index_dict.get("with") }}
        {{- " where " ~ conditions | join(" and ") if conditions }};
        comment on index {{ relation.schema }}."{{ name }}" is
            'Serves: {{ index_dict.get("serves", ["the models it is built by"]) | join(", ") }}'
    {%- endset -%}
    {{ only_with_extension(index_dict["extension"], statement) if index_dict.get("extension") else statement }}
{%- endmacro %}

{% macro only_with_extension(extension, statement) -%}
    {#- Extensions are optional: a server without this one, or a user who may not create
        it, goes without what needs it and builds all the same. -#}
    do $$
    begin
        if exists (select from pg_available_extensions where name = '{{ extension }}') then
            create extension if not exists {{ extension }} schema public;
            {{ statement }};
        end if;
    exception
        when insufficient_privilege or undefined_object then
            raise notice 'no index on {{ this }} that needs {{ extension }}: %', sqlerrm;
    end
    $$
{%- endmacro %}

{% macro index_boundary(table, column) -%}
    {#- From which day on an index `since` holds a table's rows: now() is not allowed in an
        index predicate, so the day is kept in ops.index_boundaries and moved by a job. -#}
    {%- set found = run_query(
        "select boundary from ops.index_boundaries where table_name = '" ~ table
        ~ "' and column_name = '" ~ column ~ "'"
    ) -%}
    {%- if not found -%}
        {%- do exceptions.raise_compiler_error(
            "ops.index_boundaries has no boundary of " ~ table ~ "." ~ column
        ) -%}
    {%- endif -%}
    {{- found[0][0] -}}
{%- endmacro %}

{% macro analyze_this() -%}
    {#- Fresh statistics for the models that read this one: autovacuum comes too late. A
        few rows more change nothing about a large table. -#}
    {%- if not is_incremental() -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}

{% macro index_rules() -%}
    {#- Post-hook of every model: for each rule of its own tests (`holds_for_every_row`) an
        index of the rows that break it. It is empty, costs a look at each new row, and
        spares the test a walk through the whole table after every increment. -#}
    {%- if execute and config.get("materialized") == "incremental" and not is_incremental() -%}
        {%- for test in graph.nodes.values()
            if test.resource_type == "test" and test.attached_node == model.unique_id
            and test.test_metadata.name == "holds_for_every_row" -%}
            {%- set name = "rule_" ~ local_md5(test.name ~ this ~ modules.datetime.datetime.now())[:16] %}
    create index "{{ name }}" on {{ this }} ({{ config.get("unique_key") }})
    where ({{ test.test_metadata.kwargs["condition"] }}) is not true;
    comment on index {{ this.schema }}."{{ name }}" is 'Serves: rule {{ test.name }}';
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
