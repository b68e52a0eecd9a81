{% macro address_hash() -%}
    {#- Identity of an address as received: MD5 of its parts, in the order given, each
        followed by a separator that no text holds. A missing part equals an empty one.
        Give every column of the relation among the following, in this order (identity
        reads them from the relation by these names):
        address, building_name, unit_number, lot_number, street_number, street,
        locality, state, postcode. -#}
    md5(
        {%- for part in varargs %}
        coalesce(({{ part }})::text, '') || chr(31)
        {%- if not loop.last %} || {% endif %}
        {%- endfor %}
    )::uuid
{%- endmacro %}
