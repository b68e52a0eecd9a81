{{ config(post_hook="{{ analyze_this() }}") }}

-- What was held true of dwellings' prices until a correction: versions as published then,
-- judged by the rules of now. Address, dealing and a person's verdict are those of the sale
-- as it stands.
with versions as (
    select
        versions.sale_id,
        sales.property_id,
        sales.state,
        sales.suburb_key,
        sales.street_name,
        sales.street_number,
        sales.postcode,
        versions.region,
        versions.dwelling_type,
        versions.contract_date,
        versions.settlement_date,
        versions.price_aud,
        versions.land_area_m2,
        versions.building_area_m2,
        versions.latitude,
        versions.longitude,
        versions.is_sale,
        versions.is_strata,
        versions.is_dwelling_type_known,
        versions.known_on,
        (versions.known_to at time zone '{{ var("market_timezone") }}')::date
            as known_until,
        versions.first_recorded_at as first_loaded_at,
        versions.share_pct is not null as is_partial_interest,
        coalesce(
            versions.price_aud < {{ var("nominal_price_below_aud") }}, false
        ) as is_nominal,
        sales.is_multi_parcel,
        sales.property_id is not null as is_identified,
        coalesce(sales.override_verdict = 'excluded', false) as is_excluded
    from {{ ref("sale_versions") }} as versions
    inner join {{ ref("int_sale__validated") }} as sales using (sale_id)
    where not versions.is_current and versions.known_to > versions.known_from
),

judged as (
    select *, {{ sale_exclusion_reasons() }} as exclusion_reasons from versions
)

select
    sale_id,
    property_id,
    state,
    suburb_key,
    street_name,
    street_number,
    postcode,
    region,
    dwelling_type,
    contract_date,
    price_aud,
    land_area_m2,
    building_area_m2,
    latitude,
    longitude,
    is_sale,
    is_strata,
    exclusion_reasons = '{}' and not is_excluded as is_market_sale,
    case
        when is_excluded then array_append(exclusion_reasons, 'excluded_by_analyst')
        else exclusion_reasons
    end as exclusion_reasons,
    known_on,
    known_until
from judged
where known_until > known_on
