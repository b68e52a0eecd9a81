{{ config(post_hook="{{ analyze_this() }}") }}

-- Every sale and bid with its dwelling and the verdict of the validity rules.
-- Nothing is dropped or mended: a rule that applies leaves its word in exclusion_reasons.
with records as (
    select * from {{ ref("int_sale__deduplicated") }}
),

identities as (
    select * from {{ source("intermediate", "int_address__identity") }}
),

-- One price stands on every row of a dealing that sold several parcels or lots.
deals as (
    select source, deal_key
    from records
    where deal_key is not null
    group by source, deal_key
    having count(*) > 1
),

joined as (
    select
        records.*,
        identities.property_id,
        identities.address,
        identities.unit_number,
        identities.street_number,
        identities.street_name,
        identities.street_type,
        coalesce(identities.locality, records.locality) as suburb,
        coalesce(identities.state, records.state) as final_state,
        coalesce(identities.postcode, records.postcode) as final_postcode,
        coalesce(identities.key_kind <> 'non_identifying', false) as is_identified,
        deals.deal_key is not null as is_multi_parcel,
        records.share_pct is not null as is_partial_interest,
        coalesce(
            records.price_aud < {{ var("nominal_price_below_aud") }}, false
        ) as is_nominal
    from records
    left join identities
        on records.source = identities.source
        and records.address_hash = identities.address_hash
    left join deals
        on records.source = deals.source
        and records.deal_key = deals.deal_key
),

judged as (
    select
        joined.*,
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
                    when contract_date > settlement_date
                        then 'contract_after_settlement'
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
        ) as exclusion_reasons
    from joined
)

select
    sale_id,
    case when is_identified then property_id end as property_id,
    source,
    source_sale_id,
    address,
    unit_number,
    street_number,
    street_name,
    street_type,
    suburb,
    final_state || '|' || upper(suburb) as suburb_key,
    final_state as state,
    final_postcode as postcode,
    dwelling_type,
    zone_code,
    region,
    sale_method,
    price_aud,
    share_pct,
    bedrooms,
    bathrooms,
    car_spaces,
    land_area_m2,
    building_area_m2,
    year_built,
    latitude,
    longitude,
    is_sale,
    is_strata,
    is_multi_parcel,
    is_partial_interest,
    is_nominal,
    exclusion_reasons = '{}' as is_market_sale,
    not exclusion_reasons && array[
        'contract_date_missing',
        'contract_date_implausible',
        'contract_after_settlement',
        'contract_in_future'
    ] as is_dated,
    exclusion_reasons,
    {{ var("sale_rule_version") }}::smallint as rule_version,
    is_simulated,
    contract_date,
    settlement_date,
    known_on,
    known_at,
    first_known_on,
    source_file,
    source_row_number,
    batch_id,
    first_loaded_at
from judged
