{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="price_event_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["price_event_id"], "unique": true,
             "serves": ["model price_history"]},
            {"columns": ["property_id", "event_date"],
             "serves": ["property_price_history"]},
            {"columns": ["created_at", "price_event_id"],
             "serves": ["price_changes_since"]},
            {"columns": ["event_date", "price_event_id"], "since": "event_date",
             "serves": ["recent_prices"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_sale__validated', 'int_listing__price_events',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_price_events()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Every price ever named for a property on a believable date: sales, bids, and what
-- listings asked. A withheld price is in none of the inputs.
with sales as (
    select
        {{ price_event_id("sale_id") }} as price_event_id,
        property_id,
        contract_date as event_date,
        case
            when is_market_sale then 'sold'
            when not is_sale then 'bid'
            when is_nominal then 'nominal'
            when is_partial_interest then 'partial_interest'
            when is_multi_parcel then 'multi_parcel'
            else 'sold'
        end as event_kind,
        'exact' as price_kind,
        price_aud,
        price_aud as price_low_aud,
        price_aud as price_high_aud,
        1::real as confidence,
        is_market_sale,
        source,
        sale_id::text as source_record_id,
        known_at,
        source_file,
        source_row_number,
        first_loaded_at as created_at,
        is_simulated
    from {{ ref("int_sale__validated") }}
    where
        property_id is not null and price_aud is not null and is_dated
        {% if is_incremental() -%}
            and sale_id in (
                select key::uuid from {{ changes_of("int_sale__validated") }} as changed
            )
        {%- endif %}
),

listings as (
    select
        price_event_id,
        property_id,
        event_date,
        event_kind,
        price_kind,
        price_aud,
        price_low_aud,
        price_high_aud,
        confidence,
        false as is_market_sale,
        source,
        source_record_id,
        known_at,
        source_file,
        source_row_number,
        created_at,
        is_simulated
    from {{ source("listing_branch", "int_listing__price_events") }}
    where
        property_id is not null
        -- What its own voice took back for another figure stays in the events alone.
        and known_to is null
        {% if is_incremental() -%}
            and price_event_id = any(array(select key from {{ touched() }}))
        {%- endif %}
)

select * from sales
union all
select * from listings
