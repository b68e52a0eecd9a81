-- Every REAXML listing as its records leave it: typed, with what must not be shown apart.
select
    versions.listing_id,
    versions.source,
    versions.agent_id,
    versions.unique_id,
    {{ address_hash(
        "null", "versions.building_name", "versions.unit_number", "versions.lot_number",
        "versions.street_number", "versions.street", "versions.locality",
        "versions.state", "versions.postcode"
    ) }} as address_hash,

    versions.kind,
    versions.status,
    versions.authority,
    versions.category,
    versions.price_text,
    versions.building_name,
    versions.unit_number,
    versions.lot_number,
    versions.street_number,
    versions.street,
    versions.locality,
    versions.state,
    versions.postcode,

    versions.bedrooms,
    versions.bathrooms,
    versions.car_spaces,
    versions.land_area_m2,
    versions.building_area_m2,

    versions.price_display,
    versions.price_low_aud,
    versions.price_high_aud,
    versions.withheld_price_low_aud,
    versions.withheld_price_high_aud,
    versions.price_tax,
    versions.rent_display,
    versions.rent_weekly_aud,
    versions.withheld_rent_weekly_aud,
    versions.bond_aud,
    versions.sold_price_display,
    versions.sold_price_aud,
    versions.withheld_sold_price_aud,

    versions.is_under_offer,
    versions.is_studio,
    versions.is_address_shown,
    versions.is_suburb_shown,
    versions.is_described,
    versions.is_simulated,

    versions.sold_date,
    versions.auction_at_local,
    versions.available_date,
    versions.first_modified_at,
    versions.modified_at,

    coalesce(folded.features, '{}') as features,
    coalesce(folded.agents, '[]') as agents,
    coalesce(folded.images, '[]') as images,
    coalesce(folded.means -> 'inspectionTimes/inspection', '[]') as inspections,
    coalesce(folded.payload, '{}') as payload,
    coalesce(folded.withheld, '{}') as withheld,
    versions.notes,

    versions.record_order as record_count,
    versions.source_file,
    versions.source_row_number,
    versions.batch_id,
    versions.loaded_at
from {{ ref("stg_reaxml__versions") }} as versions
left join {{ ref("stg_reaxml__folded") }} as folded using (listing_id)
where versions.is_newest
