{% macro domain_word(expression) -%}
    {#- An enum of the Domain API in one spelling: ApartmentUnitFlat in searches and
        apartmentUnitFlat in details are both apartment_unit_flat. -#}
    lower(regexp_replace({{ expression }}, '([a-z0-9])([A-Z])', '\1_\2', 'g'))
{%- endmacro %}

{% macro domain_dwelling_type(word) -%}
    {#- Canonical dwelling type of a property type, given in the one spelling. -#}
    case
        when {{ word }} in ('house', 'terrace', 'new_house_land') then 'house'
        when {{ word }} in ('semi_detached', 'duplex', 'townhouse', 'villa') then 'townhouse'
        when {{ word }} in ('apartment_unit_flat', 'studio', 'penthouse', 'new_apartments')
            then 'unit'
        when {{ word }} in ('vacant_land', 'new_land') then 'land'
        when {{ word }} is not null then 'other'
    end
{%- endmacro %}

{% macro domain_sold_method(word) -%}
    {#- Searches say sold_by_auction where details say auction. -#}
    regexp_replace({{ word }}, '^sold_by_', '')
{%- endmacro %}
