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

{% macro identities_of(records) -%}
    {#- CTE `identities`: those of the addresses of a CTE `records`. In increments they are
        read together, many pages at once; one after the other each waits for the disk. -#}
    identities as {{ "" if is_incremental() else "not " }}materialized (
        select * from {{ source("intermediate", "int_address__identity") }}
        {%- if is_incremental() %}
        where address_hash = any(array(select address_hash from {{ records }}))
        {%- endif %}
    )
{%- endmacro %}
