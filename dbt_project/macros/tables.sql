{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {#- As dbt has it, but a table with a contract is made by one statement as well: an
        insert into a table made before could use no second core. A macro that the model's
        meta names as `finished_by` then has its say, and the contract's constraints follow
        in one pass. -#}
    {%- set contract = config.get("contract") -%}
    {%- set is_held = contract and contract.enforced and not temporary -%}
    {%- if contract and contract.enforced -%}
        {{- get_assert_columns_equivalent(sql) -}}
    {%- endif %}
    create {{ "temporary " if temporary }}table {{ relation }} as (
        {{ get_select_subquery(sql) if is_held else sql }}
    );
    {%- set finished_by = config.get("meta", {}).get("finished_by") -%}
    {%- if finished_by and not temporary %}
    {{ context[finished_by](relation) }};
    {%- endif -%}
    {%- if is_held -%}
        {%- set held = [] -%}
        {%- for column in model.columns.values() -%}
            {%- for constraint in column.constraints -%}
                {%- if constraint.type == "not_null" -%}
                    {%- do held.append("alter column " ~ adapter.quote(column.name) ~ " set not null") -%}
                {%- elif constraint.type == "check" -%}
                    {%- do held.append("add check (" ~ constraint.expression ~ ")") -%}
                {%- else -%}
                    {%- do exceptions.raise_compiler_error(
                        "constraint " ~ constraint.type ~ " of " ~ this ~ "." ~ column.name
                        ~ ": use an index of the config"
                    ) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- for constraint in model.constraints -%}
            {%- do held.append(
                "add constraint " ~ constraint.name ~ " check (" ~ constraint.expression ~ ")"
            ) -%}
        {%- endfor -%}
        {%- if held %}
    alter table {{ relation }} {{ held | join(", ") }};
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {#- As dbt has it, but a table that is only added to is not told again what it says
        already: to comment is to wait for, and to end, a vacuum that is at work. -#}
    {%- if not (is_incremental() and has_comments_of(relation, model)) -%}
        {{- default__persist_docs(relation, model, for_relation, for_columns) -}}
    {%- endif -%}
{%- endmacro %}

{% macro has_comments_of(relation, model) -%}
    {#- Whether table and columns say in the catalog what the model's YAML says. -#}
    {%- set found = run_query(
        "select coalesce(columns.attname, '') as name, comments.description"
        ~ " from pg_description as comments"
        ~ " left join pg_attribute as columns on columns.attrelid = comments.objoid"
        ~ " and columns.attnum = comments.objsubid and comments.objsubid > 0"
        ~ " where comments.classoid = 'pg_class'::regclass"
        ~ " and comments.objoid = to_regclass('" ~ relation ~ "')"
    ) -%}
    {%- set said = {} -%}
    {%- for row in found.rows -%}
        {%- do said.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- set wanted = {"": model.description} -%}
    {%- for column in model.columns.values() -%}
        {%- do wanted.update({column.name: column.description}) -%}
    {%- endfor -%}
    {%- set other = [] -%}
    {%- for name, text in wanted.items() if said.get(name, "") != text -%}
        {%- do other.append(name) -%}
    {%- endfor -%}
    {{- return(other | length == 0) -}}
{%- endmacro %}
