-- Reference sets and their releases.

create table ops.reference_releases (
    release_id uuid primary key,
    dataset text not null,
    part text not null,
    release_date date not null,
    dated_by text not null,
    sha256 text not null,
    file text not null,
    files integer not null,
    rows bigint not null,
    rejects bigint not null,
    status text not null check (status in ('loaded', 'current', 'refused')),
    reason text,
    batch_id uuid not null,
    is_simulated boolean not null,
    loaded_at timestamptz not null default now(),
    made_current_at timestamptz,
    pruned_at timestamptz,
    check (status <> 'refused' or reason is not null),
    check (status <> 'current' or (made_current_at is not null and pruned_at is null))
);
create unique index reference_releases_current_idx
    on ops.reference_releases (dataset, part) where status = 'current';
create index reference_releases_dataset_idx
    on ops.reference_releases (dataset, part, release_date);
create index reference_releases_batch_idx on ops.reference_releases (batch_id);
comment on table ops.reference_releases is
    'Releases of the reference sets. Readers see the rows of current ones only; a part (edition, '
    'geography, table) has at most one. loaded: kept beside it; refused: see reason. One row per '
    'dataset, part and content.';
comment on column ops.reference_releases.dated_by is 'What the release date was read from.';
comment on column ops.reference_releases.pruned_at is
    'When its rows were removed, by the policy of its dataset; this row and its rejects stay.';

alter table ops.source_files add column pruned_at timestamptz;
comment on column ops.source_files.pruned_at is
    'When the rows of this reference release were removed; they are in no raw table any more.';

create table raw.au_postcodes__localities (
    release_id uuid not null,
    source_id text,
    postcode text not null,
    locality text not null,
    state text not null,
    longitude double precision,
    latitude double precision,
    delivery_centre text,
    locality_type text,
    status text,
    precise_latitude double precision,
    precise_longitude double precision,
    sa3_code_2016 text,
    sa3_name_2016 text,
    sa4_code_2016 text,
    sa4_name_2016 text,
    region_code text,
    sa1_code_2021 text,
    sa1_name_2021 text,
    sa2_code_2021 text,
    sa2_name_2021 text,
    sa3_code_2021 text,
    sa3_name_2021 text,
    sa4_code_2021 text,
    sa4_name_2021 text,
    ra_2011 text,
    ra_2016 text,
    ra_2021 text,
    ra_2021_name text,
    mmm_2015 text,
    mmm_2019 text,
    federal_division text,
    altitude_m double precision,
    charge_zone text,
    phn_code text,
    phn_name text,
    lga_name text,
    lga_code text,
    electorate text,
    electorate_rating text,
    state_electorate_code text,
    state_electorate_name text,
    is_place boolean not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index au_postcodes__localities_release_idx on raw.au_postcodes__localities (release_id);
create index au_postcodes__localities_batch_idx on raw.au_postcodes__localities (_batch_id);
comment on table raw.au_postcodes__localities is
    'Postcodes and localities with coordinates and ASGS codes, as listed. is_place is false '
    'for post office boxes and large volume receivers. One row per release and line of the '
    'list.';

create table raw.gnaf__addresses (
    release_id uuid not null,
    address_detail_pid text not null,
    date_created date,
    address_label text,
    address_site_name text,
    building_name text,
    flat_type text,
    flat_number text,
    level_type text,
    level_number text,
    number_first text,
    number_last text,
    lot_number text,
    street_name text,
    street_type text,
    street_suffix text,
    locality_name text not null,
    state text not null,
    postcode text,
    legal_parcel_id text,
    mb_code text,
    alias_principal text,
    principal_pid text,
    primary_secondary text,
    primary_pid text,
    geocode_type text,
    longitude double precision,
    latitude double precision,
    extra jsonb,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash, release_id)
) partition by list (release_id);
create index gnaf__addresses_batch_idx on raw.gnaf__addresses (_batch_id);
create index gnaf__addresses_pid_idx on raw.gnaf__addresses (address_detail_pid);
comment on table raw.gnaf__addresses is
    'G-NAF Core, all columns as published (unknown ones in extra). A partition a release. One '
    'row per release and address, aliases beside their principals.';

create table raw.nsw_valuer__land_values (
    release_id uuid not null,
    district_code text,
    district_name text,
    valuer_property_id text not null,
    property_type text,
    property_name text,
    unit_number text,
    house_number text,
    street_name text,
    locality text,
    postcode text,
    property_description text,
    zone_code text,
    area numeric,
    area_type text,
    base_dates date[] not null,
    land_values_aud bigint[] not null,
    authorities text[] not null,
    bases text[] not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash, release_id)
) partition by list (release_id);
create index nsw_valuer__land_values_batch_idx on raw.nsw_valuer__land_values (_batch_id);
create index nsw_valuer__land_values_property_idx on raw.nsw_valuer__land_values (valuer_property_id);
comment on table raw.nsw_valuer__land_values is
    'NSW bulk land values as published: the base dates of a property and their values stand '
    'in arrays of equal length, newest first. A partition a release. One row per release and '
    'property.';

create table raw.abs__seifa (
    release_id uuid not null,
    edition smallint not null,
    geography text not null,
    is_derived boolean not null,
    area_code text not null,
    area_name text,
    state text,
    index_code text not null,
    score numeric not null,
    decile smallint,
    usual_resident_population bigint,
    caution text,
    crosses_states text,
    other_codes jsonb,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index abs__seifa_release_idx on raw.abs__seifa (release_id);
create index abs__seifa_batch_idx on raw.abs__seifa (_batch_id);
comment on table raw.abs__seifa is
    'ABS SEIFA: score and decile of each index by area. is_derived: not the figures of the '
    'ABS but population-weighted means of SA1. One row per release, area and index.';

create table raw.rba__cash_rate (
    release_id uuid not null,
    table_code text not null,
    series_id text not null,
    series_title text,
    unit text,
    frequency text,
    observed_on date not null,
    value numeric not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index rba__cash_rate_release_idx on raw.rba__cash_rate (release_id);
create index rba__cash_rate_batch_idx on raw.rba__cash_rate (_batch_id);
comment on table raw.rba__cash_rate is
    'RBA statistical tables and the list of target changes; FIRMMCRTD is the cash rate '
    'target. One row per release, table, series and date.';

create table raw.abs__price_index (
    release_id uuid not null,
    series_id text not null,
    measure text,
    region text,
    unit text,
    series_type text,
    data_type text,
    frequency text,
    period_end date not null,
    value numeric not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index abs__price_index_release_idx on raw.abs__price_index (release_id);
create index abs__price_index_batch_idx on raw.abs__price_index (_batch_id);
comment on table raw.abs__price_index is
    'ABS residential property price indexes and their changes. One row per release, series '
    'and period.';

create table raw.vic_valuer__suburb_medians (
    release_id uuid not null,
    dwelling_type text not null,
    locality text not null,
    council text,
    is_total boolean not null,
    period_kind text not null,
    period_start date not null,
    period_end date not null,
    is_preliminary boolean not null,
    median_aud numeric,
    sales_count integer,
    is_suppressed boolean not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index vic_valuer__suburb_medians_release_idx on raw.vic_valuer__suburb_medians (release_id);
create index vic_valuer__suburb_medians_batch_idx on raw.vic_valuer__suburb_medians (_batch_id);
comment on table raw.vic_valuer__suburb_medians is
    'Victorian median prices by locality. is_suppressed: too few sales for a median. One row '
    'per release, dwelling type, locality and period.';

create table raw.nsw_valuer__suburb_medians (
    release_id uuid not null,
    measure text not null,
    area_type text not null,
    area text,
    region text,
    dwelling_type text not null,
    period_kind text not null,
    period_start date not null,
    period_end date not null,
    minimum_aud numeric,
    lower_quartile_aud numeric,
    median_aud numeric,
    upper_quartile_aud numeric,
    maximum_aud numeric,
    mean_aud numeric,
    transaction_count integer,
    is_suppressed boolean not null,
    is_small_sample boolean not null,
    _row_hash uuid not null,
    _source_file text not null,
    _row_number integer not null,
    _batch_id uuid not null,
    _is_simulated boolean not null,
    _loaded_at timestamptz not null default now(),
    primary key (_row_hash)
);
create index nsw_valuer__suburb_medians_release_idx on raw.nsw_valuer__suburb_medians (release_id);
create index nsw_valuer__suburb_medians_batch_idx on raw.nsw_valuer__suburb_medians (_batch_id);
comment on table raw.nsw_valuer__suburb_medians is
    'NSW price and rent quantiles by suburb, postcode or LGA. One row per release, area, '
    'dwelling type and period.';
