{% macro sale_version_columns() -%}
    {#- What a version of a sale says, as staging has it. -#}
    {{- return([
        "sale_id", "version_id", "source", "source_sale_id", "source_property_id",
        "deal_key", "address_hash", "address_received", "dwelling_type", "locality",
        "state", "postcode", "zone_code", "region", "sale_method", "price_aud",
        "share_pct", "bedrooms", "bathrooms", "car_spaces", "land_area_m2",
        "building_area_m2", "year_built", "latitude", "longitude", "is_sale", "is_strata",
        "is_dwelling_type_known", "is_simulated", "contract_date", "settlement_date",
        "known_on", "version_score", "version_at", "source_file", "source_row_number",
        "batch_id",
    ]) -}}
{%- endmacro %}

{% macro ranked_sale_versions(versions, passed_through) -%}
    {#- All versions of the sales in `versions`, best first by score, publication and place:
        each is known until a better one is published, and recorded until we have one. -#}
    select
        {{ passed_through | join(", ") }},
        (version_count - version_rank + 1)::int as version_number,
        version_count::int as version_count,
        version_rank = 1 as is_current,
        known_from,
        case when version_rank > 1 then greatest(known_from, bettered_at) end as known_to,
        recorded_from,
        case when version_rank > 1 then greatest(recorded_from, bettered_by_us_at) end
            as recorded_to,
        first_known_on,
        first_recorded_at
    from (
        select
            several.*,
            row_number() over newest_first as version_rank,
            count(*) over all_versions as version_count,
            min(known_on) over all_versions as first_known_on,
            min(recorded_from) over all_versions as first_recorded_at,
            min(known_from) over better as bettered_at,
            min(recorded_from) over better as bettered_by_us_at
        from {{ versions }} as several
        window
            all_versions as (partition by sale_id),
            newest_first as (
                partition by sale_id
                order by
                    version_score desc,
                    version_at desc,
                    source_file desc,
                    source_row_number desc
            ),
            better as (newest_first rows between unbounded preceding and 1 preceding)
    ) as ranked
{%- endmacro %}

{% macro rank_repeated_sales(table) -%}
    {#- Finishes a sale_versions made as a whole. -#}
    update {{ table }} as version
    set
        {%- for column in [
            "version_number", "version_count", "is_current", "known_to", "recorded_to",
            "first_known_on",
        ] %}
        {{ column }} = ranked.{{ column }},
        {%- endfor %}
        first_recorded_at = ranked.first_recorded_at
    from (
        {{ ranked_sale_versions(
            "(select sale_id, version_id, version_score, version_at, source_file,"
            ~ " source_row_number, known_on, known_from, recorded_from from " ~ table
            ~ " where sale_id in (select sale_id from " ~ table
            ~ " group by sale_id having count(*) > 1))",
            ["version_id"]
        ) }}
    ) as ranked
    where version.version_id = ranked.version_id
{%- endmacro %}
