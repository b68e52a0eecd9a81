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
