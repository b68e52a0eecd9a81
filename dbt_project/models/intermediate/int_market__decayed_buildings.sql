{{ config(post_hook="{{ analyze_this() }}") }}

-- The same of homes of one number in a street: the dwellings of a building, or one home.
with moves as (
    {{ market_moves(
        dict(
            log_price=micro_log("held.price_aud"),
            suburb_key="held.suburb_key",
            street_name="held.street_name",
            street_number="held.street_number",
            dwelling_type="held.dwelling_type",
        ),
        condition="held.suburb_key is not null and held.street_name is not null"
        ~ " and held.street_number is not null",
    ) }}
)

{{ decayed_sums(
    "moves", ["suburb_key", "street_name", "street_number", "dwelling_type"], ["price"]
) }}
