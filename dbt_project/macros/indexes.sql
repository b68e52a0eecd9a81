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
