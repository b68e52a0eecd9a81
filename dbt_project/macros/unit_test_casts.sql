{% macro postgres__safe_cast(field, type) %}
    {#- PostgreSQL's catalogue calls every array "ARRAY", which is no type to cast to.
        All arrays of this project hold text. Only unit tests cast by catalogue type. -#}
    cast({{ field }} as {{ "text[]" if type | upper == "ARRAY" else type }})
{% endmacro %}
