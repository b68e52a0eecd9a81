{% macro whole_market_statement() -%}
    {#- Pre-hook of every model: memory and plans for its own transaction. A statement over
        the whole market joins by hash: estimates of grouped or unioned rows are far too
        low, and looking millions of rows up one by one in an index takes minutes; nor does
        it read a table in the order of an index to spare a sort. What an increment touches
        is few, and is looked up one by one: where the planner hopes that a scan or a merge
        is quicker it walks through the whole country. Nobody waits for a dbt that was
        killed. -#}
    set local work_mem = '96MB';
    set local client_connection_check_interval = '2s'
    {%- if not is_incremental() %};
    set local enable_nestloop = off
    {%- if config.get("materialized") == "incremental" %};
    set local enable_indexscan = off
    {%- endif -%}
    {%- elif config.get("materialized") == "incremental" %};
    set local enable_seqscan = off;
    set local enable_mergejoin = off;
    set local enable_indexscan = off
    {%- endif -%}
{%- endmacro %}
