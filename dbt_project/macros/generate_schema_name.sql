{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- A schema is called what the model says (staging, marts, ...): outsiders rely on
        these names, so no prefix of a target is put before them. -#}
    {{- (custom_schema_name or target.schema) | trim -}}
{%- endmacro %}
