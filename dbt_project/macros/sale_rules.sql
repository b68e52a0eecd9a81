{% macro sale_exclusion_reasons() -%}
    {#- The validity rules: the word of each that applies, for int_sale__validated. Raise
        the var sale_rule_version with every change here. -#}
    array_remove(
        array[
            case when not is_sale then 'not_a_sale' end,
            case when price_aud is null then 'price_missing' end,
            case when is_nominal then 'nominal_price' end,
            case when is_partial_interest then 'partial_interest' end,
            case when is_multi_parcel then 'multi_parcel' end,
            case when contract_date is null then 'contract_date_missing' end,
            case
                when contract_date < '{{ var("earliest_contract_date") }}'::date
                    then 'contract_date_implausible'
            end,
            case
                when contract_date > settlement_date then 'contract_after_settlement'
            end,
            case
                when contract_date > least(known_on, (first_loaded_at + '1 day')::date)
                    then 'contract_in_future'
            end,
            case
                when
                    contract_date >= '{{ var("earliest_contract_date") }}'::date
                    and settlement_date
                    > contract_date
                    + interval '{{ var("longest_settlement_years") }} years'
                    then 'settlement_too_late'
            end,
            case
                when not is_dwelling_type_known then 'dwelling_type_unknown'
                when dwelling_type = 'other' then 'not_a_dwelling'
            end,
            case when not is_identified then 'address_not_identified' end
        ],
        null
    )
{%- endmacro %}

{% macro sale_outcome(is_sale, is_market_sale) -%}
    {#- What became of the raw row of a current version, for sale_outcomes. -#}
    case
        when {{ is_market_sale }} then 'market_sale'
        when not {{ is_sale }} then 'bid'
        else 'excluded'
    end
{%- endmacro %}

{% macro sale_outcome_reason(is_sale, is_market_sale, exclusion_reasons) -%}
    case
        when {{ is_sale }} and not {{ is_market_sale }} then {{ exclusion_reasons }}[1]
        else ''
    end
{%- endmacro %}
