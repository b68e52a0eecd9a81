"""The rules of `domain.addresses` and `domain.address_keys` as SQL over parsed parts.

Belongs here: the SQL twin, statement by statement; each names the function whose twin
it is, and tests hold them to agree on every field. What a text means is read in Python
(`identity.dictionaries`); running this is `identity.bulk`.

The SQL is DuckDB's. Notes are assumptions joined by commas.
"""

from __future__ import annotations

from domain.address_keys import PROPERTY_NAMESPACE, RULE_VERSION

#: Columns of an identified address that the parts give; types for DuckDB.
COLUMNS = {
    "address_hash": "varchar",
    "property_id": "varchar",
    "address_key": "varchar",
    "key_kind": "varchar",
    "address": "varchar",
    "unit_number": "varchar",
    "level_number": "varchar",
    "building_name": "varchar",
    "street_number": "varchar",
    "street_name": "varchar",
    "street_type": "varchar",
    "street_type_code": "varchar",
    "street_suffix": "varchar",
    "lot_number": "varchar",
    "locality": "varchar",
    "locality_id": "varchar",
    "state": "varchar",
    "postcode": "varchar",
    "assumptions": "varchar",
    "rule_version": "smallint",
    "parcel_key": "varchar",
    "dwelling_kind": "varchar",
}

_ROOT = "".join(rf"\x{byte:02x}" for byte in PROPERTY_NAMESPACE.bytes)

#: What every composition takes from the dictionaries of streets and places.
_STREET_AND_PLACE = """
        s.name as street_name, s.type as street_type, s.type_code as street_type_code,
        s.suffix as street_suffix, s.key as street_key, s.display as street_display,
        s.building, s.building_shown,
        p.locality, p.locality_id, p.state, p.postcode,
        p.key as place_key, p.display as place_display
"""

# `canonical_psi` and, for what is no home, `_parcel`.
_PSI_PARTS = """
    select
        r.address_hash,
        nullif(r.valuer_property_id, '') as property_number,
        s.name is not null and h.number is not null and p.is_known as is_home,
        is_home or property_number is not null as is_told_apart,
        case when is_told_apart then coalesce(u.key, case when is_home then h.unit end)
        end as flat_unit,
        case when is_told_apart then coalesce(u.shown, h.unit_shown) end
            as flat_unit_shown,
        u.key is null or coalesce(u.key = u.number, false) as is_plain_unit,
        case when is_told_apart then u.level end as level_number,
        case when is_told_apart and not (is_home and flat_unit is not null) then l.key
        end as flat_lot,
        l.shown as flat_lot_shown,
        h.number as written_number,
        case when is_told_apart then coalesce(flat_lot, h.lot) end as lot_number,
        coalesce(s.building, s.site) as building_name,
        concat_ws(
            ',',
            p.notes,
            s.notes,
            h.notes,
            case
                when is_home and flat_lot is not null then 'strata_lot_as_unit'
                when not is_home then concat_ws(
                    ',',
                    case when h.number is null then 'number_missing' end,
                    case when s.name is null then 'street_missing' end,
                    case when p.locality is null then 'locality_missing' end,
                    case when property_number is null then 'address_identifies_nothing'
                        else 'parcel_id_as_identity' end
                )
            end
        ) as notes,
        {street_and_place}
    from batch r
    inner join streets s on s.id = r.street_id
    inner join numbers h on h.id = r.number_id
    inner join flats u on u.id = r.flat_id
    inner join flats l on l.id = r.strata_lot_id
    inner join places p on p.id = r.place_id
"""

# `canonical_text` and `canonical_parts`, where street, number and place are there.
_HOME_PARTS = """
    select
        r.address_hash,
        null::varchar as property_number,
        true as is_home,
        coalesce(u.key, h.unit) as flat_unit,
        coalesce(u.shown, h.unit_shown) as flat_unit_shown,
        u.key is null or coalesce(u.key = u.number, false) as is_plain_unit,
        u.level as level_number,
        null::varchar as flat_lot,
        null::varchar as flat_lot_shown,
        coalesce(h.number, 'LOT ' || t.lot) as written_number,
        t.lot as lot_number,
        coalesce(s.building, n.name, s.site) as building_name,
        concat_ws(
            ',',
            p.notes,
            s.notes,
            h.notes,
            case when h.number is null then 'lot_as_number' end
        ) as notes,
        {street_and_place}
    from batch r
    inner join streets s on s.id = r.street_id
    inner join numbers h on h.id = r.number_id
    inner join flats u on u.id = r.flat_id
    inner join lots t on t.id = r.lot_id
    inner join names n on n.id = r.building_id
    inner join places p on p.id = r.place_id
    where s.name is not null
        and p.is_known
        and (h.number is not null or t.lot is not null)
        -- A number that says nothing but notes, or a lot: that is for the library.
        and (h.number is not null or h.notes is null)
        and h.lot is null
"""

# `flat_key`, `build_address`, `without_identity`: what tells dwellings apart.
_FLAT = """
    select
        *,
        coalesce(flat_unit, 'LOT ' || flat_lot) as inner_flat,
        case when flat_unit is not null then flat_unit_shown
            else 'Lot ' || flat_lot_shown end as inner_shown,
        case
            when is_home and building is null then coalesce(inner_flat, '')
            when is_home then building || coalesce(' ' || inner_flat, '')
            else coalesce('LOT ' || flat_lot, 'UNIT ' || flat_unit, '')
        end as flat,
        case
            when is_home then 'address'
            when property_number is not null then 'parcel'
            else 'non_identifying'
        end as key_kind
    from ({parts})
"""

# `address_key`, `parcel_key`, `text_key`, and the address shown.
_KEY = """
    select
        *,
        case key_kind
            when 'address'
                then concat_ws('|', place_key, street_key, written_number, flat)
            when 'parcel'
                then concat_ws(
                    '|', coalesce(state, ''), 'PARCEL', property_number, flat
                )
            else concat_ws(
                '|', place_key, 'TEXT', concat_ws(' ', written_number, street_key)
            )
        end as address_key,
        case
            when not is_home then concat_ws(
                ', ',
                case
                    when property_number is null then null
                    when flat_lot is not null
                        then 'Lot ' || flat_lot_shown || ' of parcel '
                            || property_number
                    when flat_unit is not null
                        then 'Unit ' || flat_unit_shown || ' of parcel '
                            || property_number
                    else 'Parcel ' || property_number
                end,
                nullif(street_display, ''),
                nullif(place_display, '')
            )
            when flat_unit is not null and building is null and is_plain_unit
                then concat(
                    flat_unit, '/', written_number, ' ', street_display,
                    ', ', place_display
                )
            when building is not null or inner_flat is not null
                then concat(
                    concat_ws(' ', building_shown, inner_shown), ', ',
                    written_number, ' ', street_display, ', ', place_display
                )
            else concat(written_number, ' ', street_display, ', ', place_display)
        end as address
    from ({flat})
"""

# `property_id_of`: version 5 and the variant are set in the digest's text. (`substr`
# takes a third of what `digest[1:8]` does.)
_IDENTITY = """
    select
        *,
        sha1('{root}'::blob || encode(address_key)) as digest,
        ascii(substr(digest, 17, 1)) as nibble,
        concat(
            substr(digest, 1, 8),
            '-',
            substr(digest, 9, 4),
            '-5',
            substr(digest, 14, 3),
            '-',
            ['8', '9', 'a', 'b'][
                case when nibble < 58 then nibble % 4 else (nibble + 1) % 4 end + 1
            ],
            substr(digest, 18, 3),
            '-',
            substr(digest, 21, 12)
        ) as property_id
    from ({key})
"""

_ALL = """
    insert into identified by name
    select
        address_hash,
        property_id,
        address_key,
        key_kind,
        address,
        flat_unit as unit_number,
        level_number,
        building_name,
        case when is_home then written_number end as street_number,
        street_name,
        street_type,
        street_type_code,
        street_suffix,
        lot_number,
        locality,
        locality_id,
        state,
        postcode,
        notes as assumptions,
        {version} as rule_version,
        {parcel} as parcel_key,
        case
            when key_kind = 'non_identifying' then null
            when flat = '' then 'parcel'
            else 'dwelling'
        end as dwelling_kind
    from ({identity})
"""


def _statement(parts: str, parcel: str) -> str:
    """From parsed parts to rows of the table `identified`, in one statement."""
    parts = parts.format(street_and_place=_STREET_AND_PLACE)
    key = _KEY.format(flat=_FLAT.format(parts=parts))
    return _ALL.format(
        version=RULE_VERSION,
        parcel=parcel,
        identity=_IDENTITY.format(root=_ROOT, key=key),
    )


#: Identify the rows of `batch`: hashes and ids of the parts of NSW PSI records.
PSI_STATEMENT = _statement(_PSI_PARTS, "'NSW|PARCEL|' || property_number")
#: The same for lines of text and for addresses in parts, as far as they are homes.
HOME_STATEMENT = _statement(_HOME_PARTS, "null::varchar")
