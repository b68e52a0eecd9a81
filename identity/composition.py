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
    "property_id": "uuid",
    "address_key": "varchar",
    "key_kind": "varchar",
    "address": "varchar",
    "unit_number": "varchar",
    "street_number": "varchar",
    "street_name": "varchar",
    "street_type": "varchar",
    "street_suffix": "varchar",
    "lot_number": "varchar",
    "locality": "varchar",
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
        s.name as street_name, s.type as street_type, s.suffix as street_suffix,
        s.building, s.building_shown, s.key as street_key, s.display as street_display,
        p.locality, p.state, p.postcode, p.key as place_key, p.display as place_display
"""

# `canonical_psi` and, for what is no home, `_parcel`.
_PSI_PARTS = """
    select
        r.address_hash,
        nullif(r.valuer_property_id, '') as property_number,
        s.name is not null and h.number is not null and p.is_known as is_home,
        case
            when is_home then coalesce(u.unit, h.unit)
            when property_number is not null then u.unit
        end as flat_unit,
        case when u.unit is null and is_home then h.unit_shown else u.shown end
            as flat_unit_shown,
        case
            when is_home and flat_unit is null then l.unit
            when not is_home and property_number is not null then l.unit
        end as flat_lot,
        l.shown as flat_lot_shown,
        h.number as street_number,
        case
            when is_home then flat_lot
            when property_number is not null then coalesce(flat_lot, h.lot)
        end as lot_number,
        concat_ws(
            ',',
            p.notes,
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
    inner join units u on u.id = r.unit_id
    inner join units l on l.id = r.lot_id
    inner join places p on p.id = r.place_id
"""

# `canonical_text`, where street, number and place are there.
_LINE_PARTS = """
    select
        r.address_hash,
        null::varchar as property_number,
        true as is_home,
        u.unit as flat_unit,
        u.shown as flat_unit_shown,
        null::varchar as flat_lot,
        null::varchar as flat_lot_shown,
        h.number as street_number,
        null::varchar as lot_number,
        concat_ws(',', p.notes, h.notes) as notes,
        {street_and_place}
    from batch r
    inner join streets s on s.id = r.street_id
    inner join numbers h on h.id = r.number_id
    inner join units u on u.id = r.unit_id
    inner join places p on p.id = r.place_id
    where s.name is not null and h.number is not null and p.is_known
"""

# `flat_key`, `build_address`, `without_identity`: what tells dwellings apart.
_FLAT = """
    select
        *,
        coalesce(flat_unit, 'LOT ' || flat_lot) as inner_flat,
        coalesce(flat_unit_shown, 'Lot ' || flat_lot_shown) as inner_shown,
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
                then place_key || '|' || street_key || '|' || street_number
                    || '|' || flat
            when 'parcel'
                then coalesce(state, '') || '|PARCEL|' || property_number || '|' || flat
            else place_key || '|TEXT|' || concat_ws(' ', street_number, street_key)
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
                street_display,
                nullif(place_display, '')
            )
            when flat_unit is not null and building is null
                then flat_unit || '/' || street_number || ' ' || street_display
                    || ', ' || place_display
            when building is not null or inner_flat is not null
                then concat_ws(' ', building_shown, inner_shown) || ', '
                    || street_number || ' ' || street_display || ', ' || place_display
            else street_number || ' ' || street_display || ', ' || place_display
        end as address
    from ({flat})
"""

# `property_id_of`: version 5 and the variant are set in the digest's text.
_IDENTITY = """
    select
        *,
        sha1('{root}'::blob || encode(address_key)) as digest,
        (
            digest[1:12] || '5' || digest[14:16]
            || case
                when digest[17] in ('0', '4', '8', 'c') then '8'
                when digest[17] in ('1', '5', '9', 'd') then '9'
                when digest[17] in ('2', '6', 'a', 'e') then 'a'
                else 'b'
            end
            || digest[18:32]
        )::uuid as property_id
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
        case when is_home then street_number end as street_number,
        street_name,
        street_type,
        street_suffix,
        lot_number,
        locality,
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


#: Rows of `batch` (ids of NSW PSI parts) and of `batch` (ids of a line's parts).
PSI_STATEMENT = _statement(_PSI_PARTS, "'NSW|PARCEL|' || property_number")
LINE_STATEMENT = _statement(_LINE_PARTS, "null::varchar")
