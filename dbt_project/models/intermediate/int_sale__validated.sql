{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="sale_id",
        on_schema_change="fail",
        meta={
            "tells": {
                "int_sale__validated": "sale_id",
                "int_sale__validated.property": "property_id",
                "int_sale__validated.merged": "merged_from_property_id",
                "int_sale__validated.suburb": "suburb_key",
                "int_sale__validated.suburb_month":
                    "suburb_key || to_char(contract_date, '|YYYY-MM')",
            },
            "outcomes": {
                "outcome": sale_outcome("is_sale", "is_market_sale"),
                "reason": sale_outcome_reason(
                    "is_sale", "is_market_sale", "exclusion_reasons"
                ),
                "where": "true",
            },
        },
        indexes=[
            {"columns": ["sale_id"], "unique": true,
             "serves": ["model int_sale__validated"]},
            {"columns": ["property_id"], "serves": ["model properties"]},
            {
                "columns": ["merged_from_property_id"],
                "where": "merged_from_property_id is not null",
                "serves": ["model properties"],
            },
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'sale_versions', 'sale_versions.deal', 'ops.sale_overrides',
                    'intermediate.int_address__identity',
                    'intermediate.int_property__redirects',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('uuid', touched_validated_sales()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Every sale and bid with its dwelling and the verdict of the validity rules.
-- Nothing is dropped or mended: a rule that applies leaves its word in exclusion_reasons.
-- A person's verdict (ops.sale_overrides) wins; what the rules said stands beside it.
with records as (
    select * from {{ ref("int_sale__deduplicated") }}
    {% if is_incremental() -%}
        where sale_id = any(array(select key from {{ touched() }}))
    {%- endif %}
),

{{ identities_of("records") }},

-- One price stands on every row of a dealing that sold several parcels or lots: it counts
-- once, for the first of them.
deals as (
    select source, deal_key, count(*)::int as parcel_count
    from {{ ref("int_sale__deduplicated") }}
    where
        deal_key is not null
        {% if is_incremental() -%}
            and deal_key = any(array(select deal_key from records))
        {%- endif %}
    group by source, deal_key
    having count(*) > 1
),

parcels as (
    select
        sales.sale_id,
        deals.parcel_count,
        row_number() over (
            partition by sales.source, sales.deal_key, sales.price_aud
            order by sales.sale_id
        ) = 1 as is_price_bearer
    from deals
    inner join {{ ref("int_sale__deduplicated") }} as sales
        on deals.source = sales.source and deals.deal_key = sales.deal_key
),

overrides as (
    select *
    from (
        select distinct on (sale_id) *
        from {{ source("ops", "sale_overrides") }}
        order by sale_id asc, override_id desc
    ) as newest
    where not withdrawn
),

joined as (
    select
        records.*,
        coalesce(redirects.to_property_id, identities.property_id) as found_property_id,
        case
            when redirects.to_property_id <> redirects.from_property_id
                then redirects.from_property_id
        end as merged_from_property_id,
        identities.address,
        identities.unit_number,
        identities.street_number,
        identities.street_name,
        identities.street_type,
        coalesce(identities.locality, records.locality) as suburb,
        coalesce(identities.state, records.state) as final_state,
        coalesce(identities.postcode, records.postcode) as final_postcode,
        coalesce(identities.key_kind <> 'non_identifying', false) as is_identified,
        coalesce(parcels.parcel_count, 1) as parcel_count,
        coalesce(parcels.is_price_bearer, true) as is_price_bearer,
        parcels.sale_id is not null as is_multi_parcel,
        records.share_pct is not null as is_partial_interest,
        coalesce(
            records.price_aud < {{ var("nominal_price_below_aud") }}, false
        ) as is_nominal,
        overrides.verdict as override_verdict,
        overrides.reason as override_reason,
        overrides.actor as override_actor,
        overrides.at as override_at
    from records
    left join identities
        on records.source = identities.source
        and records.address_hash = identities.address_hash
    left join {{ source("intermediate", "int_property__redirects") }} as redirects
        on identities.property_id = redirects.from_property_id
    left join parcels on records.sale_id = parcels.sale_id
    left join overrides on records.sale_id = overrides.sale_id
),

judged as (
    select joined.*, {{ sale_exclusion_reasons() }} as rule_exclusion_reasons
    from joined
),

decided as (
    select
        judged.*,
        case
            when override_verdict = 'excluded'
                then array_append(rule_exclusion_reasons, 'excluded_by_analyst')
            -- Nobody's verdict makes up a price, a date or a dwelling.
            when override_verdict = 'market'
                then array(
                    select reason from unnest(rule_exclusion_reasons) as reason
                    where
                        reason in (
                            'not_a_sale',
                            'price_missing',
                            'contract_date_missing',
                            'address_not_identified'
                        )
                        or (reason = 'nominal_price' and price_aud <= 0)
                )
            else rule_exclusion_reasons
        end as exclusion_reasons
    from judged
)

select
    sale_id,
    case when is_identified then found_property_id end as property_id,
    case when is_identified then merged_from_property_id end as merged_from_property_id,
    source,
    source_sale_id,
    deal_key,
    address_hash,
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
    parcel_count,
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
    is_price_bearer,
    is_partial_interest,
    is_nominal,
    exclusion_reasons = '{}' as is_market_sale,
    not exclusion_reasons && array[
        'contract_date_missing',
        'contract_date_implausible',
        'contract_after_settlement',
        'contract_in_future'
    ] as is_dated,
    case when exclusion_reasons = '{}' then 'market' else 'excluded' end as verdict,
    exclusion_reasons,
    rule_exclusion_reasons,
    {{ var("sale_rule_version") }}::smallint as rule_version,
    override_verdict,
    override_reason,
    override_actor,
    override_at,
    is_simulated,
    contract_date,
    settlement_date,
    known_on,
    known_at,
    first_known_on,
    version_count,
    source_file,
    source_row_number,
    batch_id,
    first_loaded_at
from decided
