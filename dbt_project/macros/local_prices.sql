{% macro local_prices() -%}
{#-
    CTEs of prices paid lately in the suburb and near by, for features_as_of. Each is made
    once for a place, type and month, however many homes share them, and looked up in
    arrays by month: months in a range cannot be hashed.
-#}
suburb_arrays as (
    {{ decayed_arrays(ref("int_market__decayed_suburbs"), ["suburb_key", "dwelling_type"]) }}
),

suburb_levels as (
    select
        wanted.suburb_key,
        wanted.dwelling_type,
        wanted.as_of_month,
        greatest(price_weights[place] * unit, 0) as weight,
        {%- for name in measures() %}
        {{ decayed_mean(
            name,
            name ~ "_sums[place] * unit / 1000000",
            name ~ "_weights[place] * unit",
        ) }} as log_{{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select distinct suburb_key, dwelling_type, as_of_month from as_of
    ) as wanted
    inner join suburb_arrays
        on wanted.suburb_key = suburb_arrays.suburb_key
        and wanted.dwelling_type = suburb_arrays.dwelling_type
    cross join lateral (
        select
            {{ place_before("wanted.as_of_month", "suburb_arrays.known_months") }} as place,
            {{ weight_then("wanted.as_of_month") }} as unit
    ) as at_month
    where place > 0
),

-- Homes of one number in a street are a building's, or the same home.
building_arrays as (
    {{ decayed_arrays(
        ref("int_market__decayed_buildings"),
        ["suburb_key", "street_name", "street_number", "dwelling_type"],
        ["price"],
    ) }}
),

building_levels as (
    select
        wanted.suburb_key,
        wanted.street_name,
        wanted.street_number,
        wanted.dwelling_type,
        wanted.as_of_month,
        greatest(price_weights[place] * unit, 0) as weight,
        {{ decayed_mean(
            "building", "price_sums[place] * unit / 1000000", "price_weights[place] * unit"
        ) }} as log_price
    from (
        select distinct suburb_key, street_name, street_number, dwelling_type, as_of_month
        from as_of
    ) as wanted
    inner join building_arrays
        using (suburb_key, street_name, street_number, dwelling_type)
    cross join lateral (
        select
            {{ place_before("wanted.as_of_month", "building_arrays.known_months") }}
                as place,
            {{ weight_then("wanted.as_of_month") }} as unit
    ) as at_month
    where place > 0
),

cell_arrays as (
    {{ decayed_arrays(ref("int_market__decayed_cells"), ["cell_north", "cell_east", "family"]) }}
),

-- The cell that a half cell lies in and the three next to it: a tent over two cells each
-- way, 1 in its middle.
nearby_cells as (
    select
        wanted.*,
        (half_north >> 1) + north * ((half_north & 1) * 2 - 1) as cell_north,
        (half_east >> 1) + east * ((half_east & 1) * 2 - 1) as cell_east,
        {{ weight_then("as_of_month") }} / (3 ^ (north + east)) as share
    from (
        select distinct
            places.half_north,
            places.half_east,
            {{ dwelling_family("as_of.dwelling_type") }} as family,
            as_of.as_of_month
        from places
        inner join as_of on places.row_id = as_of.row_id
        where places.half_north is not null
    ) as wanted
    cross join (values (0, 0), (0, 1), (1, 0), (1, 1)) as corners (north, east)
    where family is not null
),

-- Whole numbers, whose sums are the same in any order. `offset 0` keeps the arrays out of
-- what is sorted, and looks each month up once.
nearby_parts as (
    select
        half_north,
        half_east,
        family,
        as_of_month,
        {%- for name in measures() %}
        round({{ name }}_weights[place] * share * 1e9)::bigint as {{ name }}_weight,
        round({{ name }}_sums[place] * share * 1e3)::bigint as {{ name }}_sum
            {{- "," if not loop.last }}
        {%- endfor %}
    from (
        select
            nearby_cells.*,
            {%- for name in measures() %}
            cell_arrays.{{ name }}_weights,
            cell_arrays.{{ name }}_sums,
            {%- endfor %}
            {{ place_before("nearby_cells.as_of_month", "cell_arrays.known_months") }}
                as place
        from nearby_cells
        inner join cell_arrays
            on nearby_cells.cell_north = cell_arrays.cell_north
            and nearby_cells.cell_east = cell_arrays.cell_east
            and nearby_cells.family = cell_arrays.family
        offset 0
    ) as found
    where place > 0
    offset 0
),

nearby_sums as (
    select
        half_north,
        half_east,
        family,
        as_of_month,
        {%- for name in measures() %}
        sum({{ name }}_weight)::double precision as {{ name }}_weight,
        sum({{ name }}_sum)::double precision as {{ name }}_sum{{ "," if not loop.last }}
        {%- endfor %}
    from nearby_parts
    group by 1, 2, 3, 4
),

nearby_levels as (
    select
        half_north,
        half_east,
        family,
        as_of_month,
        price_weight / 1e9 as weight,
        {%- for name in measures() %}
        {{ decayed_mean(name, name ~ "_sum / 1e9", name ~ "_weight / 1e9") }}
            as log_{{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from nearby_sums
)
{%- endmacro %}

{% macro decayed_mean(name, sum, weight) -%}
    {#- Of a rate the weight is not told: it needs more of it. A building's old sales tell
        more of it than nothing does. -#}
    {%- set least = {
        "price": "least_decayed_weight", "building": "least_building_weight"
    }.get(name, "least_rate_weight") -%}
    case
        when {{ weight }} >= {{ var(least) }}::double precision
            then ({{ sum }}) / ({{ weight }})
    end
{%- endmacro %}
