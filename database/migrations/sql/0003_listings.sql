-- Listings: folding REAXML records, price texts as read, tables that sales read before
-- the first listing was built.

-- Records of a REAXML listing are patches. What a newer record says of an element ends what
-- older ones said of it and of all below it; an empty element clears; only @display outlives
-- its element, so that an omission publishes nothing. State: path -> [value, reading].
create function staging.reaxml_patched(state jsonb, patch jsonb, readings jsonb)
returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    said jsonb;
    ended text[];
begin
    select jsonb_object_agg(key, jsonb_build_array(value, readings -> key))
    into said
    from jsonb_each(patch)
    where value <> 'null';
    if state is null or state = '{}' then
        return coalesce(said, '{}');
    end if;
    select array_agg(old)
    into ended
    from jsonb_object_keys(state) as old
    where
        patch ? old
        or (
            right(old, 8) <> '@display'
            and exists (
                select from jsonb_object_keys(patch) as new
                where
                    starts_with(old, new)
                    and substr(old, length(new) + 1, 1) in ('/', '@', '[')
            )
        );
    return (state - coalesce(ended, '{}')) || coalesce(said, '{}');
end
$$;

create aggregate staging.reaxml_folded(jsonb, jsonb) (
    sfunc = staging.reaxml_patched,
    stype = jsonb,
    parallel = safe
);
comment on aggregate staging.reaxml_folded(jsonb, jsonb) is
    'What holds of a listing after its records so far, from patch and readings in order.';

-- What was said last: nothing said leaves what was said before.
create function staging.newer_said(known text, said text) returns text
language sql immutable parallel safe
return coalesce(said, known);
create aggregate staging.newest_said(text) (
    sfunc = staging.newer_said,
    stype = text,
    parallel = safe
);

-- Status of a listing after a claim. on_market: a search shows it, which tells a listing
-- under offer from a live one no more than silence does. over: it is gone, and what was
-- known of its end still holds; where nothing was, it was delisted.
create function intermediate.listing_status_after(known text, claim text) returns text
language sql immutable parallel safe
return case
    when claim is null then known
    when claim = 'on_market' then case when known = 'under_offer' then known else 'live' end
    when claim = 'over' then
        case when known in ('sold', 'leased', 'withdrawn') then known else 'delisted' end
    else claim
end;
create aggregate intermediate.listing_status(text) (
    sfunc = intermediate.listing_status_after,
    stype = text,
    parallel = safe
);

create index reaxml__listings_listing_idx on raw.reaxml__listings
    ((md5('reaxml|' || agent_id || '|' || unique_id)::uuid));
create index domain__properties_property_idx on raw.domain__listing_details
    (domain_property_id) where domain_property_id is not null;

-- Price texts ------------------------------------------------------------------

create table intermediate.int_price_text__parsed (
    text_hash uuid primary key,
    price_text text not null,
    low_aud bigint,
    high_aud bigint,
    kind text not null,
    confidence real not null,
    rule_version smallint not null,
    parsed_at timestamptz not null default now()
);
comment on table intermediate.int_price_text__parsed is
    'What each price in words says (domain/price_text.py), read once. For rents the bounds '
    'are dollars a week. One row per distinct text.';

create table ops.price_text_batches (
    batch_id uuid primary key,
    rule_version smallint not null,
    rows_loaded bigint not null
);
comment on table ops.price_text_batches is
    'Batches of listings whose price texts have been read, written with what they say. One '
    'row per batch.';

call ops.note_changes_of(
    'intermediate.int_price_text__parsed', 'text_hash', array['rule_version', 'parsed_at']
);
call ops.note_changes_of(
    'ops.domain_listings', 'listing_id', array['search', 'details_of', 'details_at']
);

-- Tables of the listing branch that sales read before it was first built ---------

create table intermediate.int_listing__price_events (
    record_key text not null,
    price_event_id uuid not null,
    listing_id uuid,
    property_id uuid,
    address_hash uuid,
    event_date date not null,
    event_kind text not null,
    price_kind text not null,
    price_aud bigint,
    price_low_aud bigint,
    price_high_aud bigint,
    confidence real not null,
    said_by text not null,
    source text not null,
    source_record_id text not null,
    known_at timestamptz not null,
    known_to timestamptz,
    source_file text not null,
    source_row_number integer not null,
    created_at timestamptz not null,
    is_simulated boolean not null
);
comment on table intermediate.int_listing__price_events is
    'Prices that listings, auction results and histories of properties name; dbt replaces '
    'this empty table. One row per listing or property of a source and price event.';

create table intermediate.int_listing__attributes (
    record_key text not null,
    listing_id uuid,
    property_id uuid,
    address_hash uuid,
    source text not null,
    source_record_id text not null,
    observed_on date not null,
    dwelling_type text,
    bedrooms numeric,
    bathrooms numeric,
    car_spaces numeric,
    land_area_m2 numeric,
    building_area_m2 numeric,
    year_built numeric,
    latitude numeric,
    longitude numeric,
    source_file text not null,
    source_row_number integer not null,
    is_simulated boolean not null
);
comment on table intermediate.int_listing__attributes is
    'What listings and portals say of homes; dbt replaces this empty table. One row per '
    'listing or property of a source and distinct set of attributes.';
