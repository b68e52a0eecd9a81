{% macro whole_market_statement() -%}
    {#- Pre-hook of every model: memory and plans for its own transaction. A statement over
        the whole market joins by hash: estimates of grouped or unioned rows are far too
        low, and looking millions of rows up one by one in an index takes minutes. What an
        increment touches is few: there the planner is left alone. -#}
    set local work_mem = '96MB'
    {%- if not is_incremental() %};
    set local enable_nestloop = off
    {%- endif -%}
{%- endmacro %}
