{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="property_id",
        on_schema_change="fail",
        meta={"tells": {"int_market__repeat_pairs": "known_on"}},
        indexes=[
            {"columns": ["sale_id"], "unique": true},
            {"columns": ["property_id"], "serves": ["model int_market__repeat_pairs"]},
            {"columns": ["known_on"], "serves": ["model int_market__price_index"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of(['int_sale__validated.property']) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_pair_properties()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Each market sale with the sale of the same property before it. A pair tells of the
-- market only as far as the home stayed what it was; exclusion_reason says where not.
-- Pairs further from the market than chance explains are left out by the estimate itself.
with sales as (
    select
        sale_id,
        property_id,
        state,
        suburb_key,
        region,
        dwelling_type,
        price_aud,
        land_area_m2,
        contract_date,
        known_on,
        is_simulated
    from {{ ref("int_sale__validated") }}
    where
        is_market_sale
        and property_id is not null
        {% if is_incremental() -%}
            and property_id = any(array(select key from {{ touched() }}))
        {%- endif %}
),

paired as (
    select
        *,
        lag(sale_id) over earlier as first_sale_id,
        lag(dwelling_type) over earlier as first_dwelling_type,
        lag(price_aud) over earlier as first_price_aud,
        lag(land_area_m2) over earlier as first_land_area_m2,
        lag(contract_date) over earlier as first_contract_date,
        lag(known_on) over earlier as first_known_on
    from sales
    window
        earlier as (partition by property_id order by contract_date, known_on, sale_id)
),

measured as (
    select
        *,
        {{ micro_log("price_aud") }} - {{ micro_log("first_price_aud") }} as log_change,
        {{ month_index("first_contract_date") }}::smallint as first_month,
        {{ month_index("contract_date") }}::smallint as second_month,
        contract_date - first_contract_date as days_held
    from paired
    where first_sale_id is not null
)

select
    sale_id,
    first_sale_id,
    property_id,
    state,
    suburb_key,
    region,
    dwelling_type,
    case
        -- Sold again at once: a renovator, a mistake mended, or one sale told twice.
        when days_held < 183 then 'held_under_six_months'
        when dwelling_type <> first_dwelling_type then 'dwelling_type_changed'
        -- Divided, joined or measured anew.
        when
            land_area_m2 > 1.1 * first_land_area_m2
            or land_area_m2 < first_land_area_m2 / 1.1
            then 'land_changed'
        -- No market did this: e^0.5 at once and e^0.15 a year on top, up or down.
        when abs(log_change) > 500000 + 150000 * days_held / 365.25
            then 'price_jump'
    end as exclusion_reason,
    first_month,
    second_month,
    log_change,
    days_held,
    greatest(known_on, first_known_on) as known_on,
    is_simulated
from measured
