{{ config(post_hook="{{ analyze_this() }}") }}

-- The same of cells of a grid, about 1 km wide, and families of dwelling types.
{%- set steps = cell_steps() %}
with moves as (
    {{ market_moves(
        dict(
            rates(),
            cell_north=half_cell("held.latitude", steps["latitude"]) ~ " >> 1",
            cell_east=half_cell("held.longitude", steps["longitude"]) ~ " >> 1",
            family=dwelling_family("held.dwelling_type"),
        ),
        condition="held.latitude is not null and held.longitude is not null",
    ) }}
)

{{ decayed_sums("moves", ["cell_north", "cell_east", "family"]) }}
