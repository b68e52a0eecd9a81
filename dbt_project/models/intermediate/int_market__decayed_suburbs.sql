{{ config(post_hook="{{ analyze_this() }}") }}

-- Prices paid in a suburb for a dwelling type, newer ones weighing more, as summed by each
-- month in which something became known.
with moves as (
    {{ market_moves(
        dict(rates(), suburb_key="held.suburb_key", dwelling_type="held.dwelling_type"),
        condition="held.suburb_key is not null",
    ) }}
)

{{ decayed_sums("moves", ["suburb_key", "dwelling_type"]) }}
