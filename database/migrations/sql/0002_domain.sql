-- Domain Group API: what its endpoints gave, and how far the fetching has come.

-- raw ---------------------------------------------------------------------------

create table raw.domain__listings (
    listing_id bigint not null,
    listing_type text not null,
    project_id bigint,
    parent_project_id bigint,
    project_name text,
    promo_level text,
    headline text,
    price_text text,
    price_aud bigint,
    price_from_aud bigint,
    price_to_aud bigint,
    property_type text,
    state text,
    region text,
    area text,
    locality text,
    postcode text,
    unit_number text,
    street_number text,
    street text,
    display_address text,
    address_display_type text,
    latitude numeric,
    longitude numeric,
    map_certainty numeric,
    bedrooms numeric,
    bathrooms numeric,
    car_spaces numeric,
    land_area_m2 numeric,
    building_area_m2 numeric,
    is_new boolean,
    is_rural boolean,
    property_features jsonb,
    labels jsonb,
    advertiser_type text,
    advertiser_name text,
    advertiser_id bigint,
    listed_at timestamptz,
    available_at timestamptz,
    auction_at timestamptz,
    sold_source text,
    sold_method text,
    sold_at timestamptz,
    sold_price_aud bigint,
    observed_at timestamptz not null,
    payload jsonb not null,
    _row_hash uuid primary key,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now()
);
create index domain__listings_batch_idx on raw.domain__listings (_batch_id);
create index domain__listings_key_idx on raw.domain__listings (listing_id);
comment on table raw.domain__listings is
    'Listings as Domain''s search showed them, one version after another; those of projects included. Withheld prices are kept here and served nowhere. One row per distinct content of a listing.';

create table raw.domain__listing_details (
    listing_id bigint not null,
    status text,
    sale_mode text,
    objective text,
    channel text,
    domain_property_id text,
    is_withdrawn boolean,
    property_types jsonb,
    state text,
    locality text,
    postcode text,
    unit_number text,
    street_number text,
    street text,
    display_address text,
    address_display_type text,
    latitude numeric,
    longitude numeric,
    bedrooms numeric,
    bathrooms numeric,
    car_spaces numeric,
    land_area_m2 numeric,
    building_area_m2 numeric,
    land_area_text text,
    building_area_text text,
    headline text,
    price_text text,
    price_unit text,
    price_aud numeric,
    price_from_aud numeric,
    price_to_aud numeric,
    can_display_price boolean,
    hidden_reasons jsonb,
    sale_method text,
    sold_action text,
    sold_source text,
    sold_price_aud bigint,
    government_sold_price_aud bigint,
    sold_at timestamptz,
    can_display_sold_price boolean,
    auction_at timestamptz,
    listed_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    minor_updated_at timestamptz,
    purged_at timestamptz,
    advertiser_type text,
    provider_system text,
    provider_ad_id text,
    advertiser_id bigint,
    observed_at timestamptz not null,
    payload jsonb not null,
    _row_hash uuid primary key,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now()
);
create index domain__listing_details_batch_idx on raw.domain__listing_details (_batch_id);
create index domain__listing_details_key_idx on raw.domain__listing_details (listing_id);
comment on table raw.domain__listing_details is
    'Listings as GET /v1/listings/{id} shows them, one version after another. Withheld prices are kept here and served nowhere. One row per distinct content of a listing''s details.';

create table raw.domain__properties (
    domain_property_id text not null,
    status text,
    address text,
    state text,
    locality text,
    postcode text,
    unit_number text,
    street_number text,
    street_name text,
    street_type text,
    property_type text,
    property_category text,
    land_use text,
    zone_code text,
    lot_number text,
    plan_number text,
    title text,
    latitude numeric,
    longitude numeric,
    bedrooms numeric,
    bathrooms numeric,
    car_spaces numeric,
    land_area_m2 numeric,
    year_built numeric,
    internal_area_text text,
    has_strata boolean,
    is_residential boolean,
    gnaf_ids jsonb,
    sales jsonb,
    observed_at timestamptz not null,
    payload jsonb not null,
    _row_hash uuid primary key,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now()
);
create index domain__properties_batch_idx on raw.domain__properties (_batch_id);
create index domain__properties_key_idx on raw.domain__properties (domain_property_id);
comment on table raw.domain__properties is
    'Properties as GET /v1/properties/{id} shows them, sales history included. One row per distinct content of a property.';

create table raw.domain__sales_results (
    city text not null,
    auctioned_on date not null,
    listing_id bigint,
    result_code text,
    state text,
    locality text,
    unit_number text,
    street_number text,
    street_name text,
    street_type text,
    property_type text,
    agent_name text,
    agency_name text,
    details_url text,
    postcode text,
    latitude numeric,
    longitude numeric,
    bedrooms numeric,
    bathrooms numeric,
    car_spaces numeric,
    price_aud numeric,
    agency_id bigint,
    observed_at timestamptz not null,
    payload jsonb not null,
    _row_hash uuid primary key,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now()
);
create index domain__sales_results_batch_idx on raw.domain__sales_results (_batch_id);
create index domain__sales_results_key_idx on raw.domain__sales_results (city, auctioned_on);
comment on table raw.domain__sales_results is
    'Auction results of a city''s last Saturday. One row per distinct content of a result of a city and day.';

create table raw.domain__sales_summaries (
    city text not null,
    auctioned_on date not null,
    modified_at timestamptz,
    listed_count integer,
    withdrawn_count integer,
    unreported_count integer,
    sold_count integer,
    total_sales_aud numeric,
    median_price_aud numeric,
    clearance_rate numeric,
    observed_at timestamptz not null,
    payload jsonb not null,
    _row_hash uuid primary key,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now()
);
create index domain__sales_summaries_batch_idx on raw.domain__sales_summaries (_batch_id);
create index domain__sales_summaries_key_idx on raw.domain__sales_summaries (city, auctioned_on);
comment on table raw.domain__sales_summaries is
    'Auction counts of a city''s last Saturday. One row per distinct content of a city and day.';

create table raw.domain__suburb_performance (
    state text not null,
    locality text not null,
    postcode text not null,
    property_category text not null,
    bedrooms smallint,
    period_size text not null,
    year smallint not null,
    month smallint not null,
    sold_count bigint,
    median_sold_price_aud bigint,
    highest_sold_price_aud bigint,
    lowest_sold_price_aud bigint,
    percentile_5_sold_price_aud bigint,
    percentile_25_sold_price_aud bigint,
    percentile_75_sold_price_aud bigint,
    percentile_95_sold_price_aud bigint,
    sale_listing_count bigint,
    median_sale_listing_price_aud bigint,
    auctioned_count bigint,
    auction_sold_count bigint,
    auction_withdrawn_count bigint,
    rent_listing_count bigint,
    median_rent_listing_price_aud bigint,
    days_on_market numeric,
    discount_pct numeric,
    mean_rent_yield_pct numeric,
    observed_at timestamptz not null,
    payload jsonb not null,
    _row_hash uuid primary key,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now()
);
create index domain__suburb_performance_batch_idx on raw.domain__suburb_performance (_batch_id);
create index domain__suburb_performance_key_idx on raw.domain__suburb_performance (state, locality, postcode);
comment on table raw.domain__suburb_performance is
    'Market measures of a suburb by period. One row per distinct content of a suburb, property category, number of bedrooms and period.';

-- ops ---------------------------------------------------------------------------

create table ops.fetch_sweeps (
    sweep_id uuid primary key,
    source text not null,
    search text not null,
    query jsonb not null,
    kind text not null check (kind in ('full', 'poll')),
    since timestamptz,
    status text not null default 'open' check (status in ('open', 'done')),
    started_at timestamptz not null,
    server_started_at timestamptz,
    finished_at timestamptz,
    missing integer not null default 0
);
create index fetch_sweeps_search_idx on ops.fetch_sweeps (source, search, started_at);
comment on table ops.fetch_sweeps is
    'Searches read from beginning to end, over as many runs as it takes. `missing`: results '
    'the server counted and did not give. One row per sweep.';

create table ops.fetch_slices (
    sweep_id uuid not null references ops.fetch_sweeps on delete cascade,
    slice integer not null,
    parent integer,
    query jsonb not null,
    dimensions text[] not null,
    split_by text,
    status text not null check (status in ('waiting', 'reading', 'split', 'done', 'short')),
    page integer not null default 0,
    total integer,
    found integer not null default 0,
    missing integer not null default 0,
    updated_at timestamptz not null default now(),
    primary key (sweep_id, slice)
);
comment on table ops.fetch_slices is
    'Work list of a sweep: parts of a search that fit below the API''s ceiling. `page` is how '
    'many pages are landed, `total` what the server counts, `found` how many results came. '
    'One row per sweep and slice.';

create table ops.fetch_pages (
    sweep_id uuid not null,
    slice integer not null,
    page integer not null,
    answer integer not null,
    file text not null,
    total integer,
    keys text[] not null,
    landed_at timestamptz not null default now(),
    primary key (sweep_id, slice, page, answer),
    foreign key (sweep_id, slice) references ops.fetch_slices on delete cascade
);
comment on table ops.fetch_pages is
    'Answers landed and loaded, with the results each holds; a page read again has several. '
    'One row per sweep, slice, page and answer.';

create table ops.fetch_marks (
    source text not null,
    dataset text not null,
    name text not null,
    mark text not null,
    updated_at timestamptz not null default now(),
    primary key (source, dataset, name)
);
comment on table ops.fetch_marks is
    'How far each thing fetched has come: the high-water mark of a search, the last change of a '
    'city''s results, the day a suburb was asked for. One row per source, dataset and name.';

create table ops.domain_listings (
    listing_id bigint primary key,
    search text not null,
    row_hash uuid,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    details_of uuid,
    details_at timestamptz,
    confirmed_status text,
    confirmed_at timestamptz
);
create index domain_listings_seen_idx on ops.domain_listings (search, last_seen_at);
comment on table ops.domain_listings is
    'Every listing a search has shown: which version (raw.domain__listings._row_hash) it showed '
    'last and when, of which version the details were fetched, and what the listing itself said '
    'after it was gone from the search. One row per listing.';
