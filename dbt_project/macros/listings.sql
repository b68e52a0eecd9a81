{% macro reaxml_said() -%}
    {#- Text that a REAXML document has at the first of these paths that it has. -#}
    {%- if varargs | length > 1 -%}
        coalesce(
            {%- for path in varargs %}document #>> '{ {{- path -}} ,0}'{{ ", " if not loop.last }}{% endfor -%}
        )
    {%- else -%}
        document #>> '{ {{- varargs[0] -}} ,0}'
    {%- endif -%}
{%- endmacro %}

{% macro reaxml_means(path, part=none) -%}
    {#- What the text at this path means, or one part of it (low, high, unit ...). -#}
    document #>> '{ {{- path -}} ,1{{ "," ~ part if part }}}'
{%- endmacro %}

{#- Which keys of the models below a change of their inputs touches: SQL for `touches`. -#}

{% macro touched_reaxml_listings() -%}
    select listing_id from {{ this.schema }}.stg_reaxml__records
    where batch_id in (select key::uuid from {{ changes_of("raw.reaxml__listings") }} as c)
    union all
    select listing_id from {{ this }}
    where batch_id in (select key::uuid from {{ changes_of("raw.reaxml__listings") }} as c)
{%- endmacro %}
