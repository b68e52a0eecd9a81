{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="property_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["property_id", "valid_from"], "unique": true,
             "serves": ["property_attributes_history"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_sale__validated.property', 'int_listing__attributes.property',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', 'select key::uuid from taken_changes') }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- From which day on a property was known to be as it is: each day with news starts an
-- interval, values not mentioned go on. Coordinates are left out: every source places the
-- same home a little differently, and no home moves.
{%- set attributes = property_attributes() %}
with records as (
    {{ property_records() }}
),

-- A car space sold under the address says nothing of the dwelling (see properties).
told as (
    select
        *,
        row_number() over in_order as place,
        bool_and(is_other) over (partition by property_id) as is_other_only
    from records
    where merged_into_property_id is null and observed_on is not null
    window in_order as (
        partition by property_id
        order by observed_on asc, contract_date asc nulls last, record_id desc
    )
),

filled as (
    select
        property_id,
        observed_on,
        place,
        {%- for column in attributes %}
        {{ last_told(column, "place", "so_far") }}::{{ attribute_type(column) }}
            as {{ column }},
        {%- endfor %}
        lead(observed_on) over (partition by property_id order by place) as next_on,
        source,
        source_file,
        source_row_number,
        is_simulated
    from told
    where not is_other or is_other_only
    window so_far as (
        partition by property_id order by place
        rows between unbounded preceding and current row
    )
),

days as (
    select
        *,
        row_number() over in_order = 1 as is_first,
        array_remove(
            array[
                {%- for column in attributes %}
                case when {{ column }} is distinct from lag({{ column }}) over in_order
                    then '{{ column }}' end{{ "," if not loop.last }}
                {%- endfor %}
            ],
            null
        ) as changed
    from filled
    -- The last word of a day is what it ended with.
    where next_on is distinct from observed_on
    window in_order as (partition by property_id order by place)
)

select
    property_id,
    observed_on as valid_from,
    lead(observed_on) over (partition by property_id order by place) as valid_to,
    {%- for column in attributes %}
    {{ column }},
    {%- endfor %}
    changed,
    source,
    source_file,
    source_row_number,
    is_simulated
from days
where is_first or changed <> '{}'
