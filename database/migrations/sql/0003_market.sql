-- The market: price indexes, which Python estimates from pairs that dbt finds.

create table intermediate.int_market__index_paths (
    area_kind text not null check (area_kind in ('state', 'region', 'suburb')),
    area_key text not null,
    state text not null,
    dwelling_type text not null,
    first_month int not null,
    pair_count int not null check (pair_count > 0),
    index_hundredths int[] not null,
    error_hundredths int[] not null,
    pair_ends int[] not null,
    known_before date not null,
    is_simulated boolean not null,
    primary key (area_kind, area_key, dwelling_type)
)
-- Rows of 5 kB stay in one piece: to compress them takes longer than to estimate them.
with (toast_tuple_target = 8160);
comment on table intermediate.int_market__index_paths is
    'Repeat-sales price indexes as lists of months, to be read as int_market__price_index. '
    'Months count from January 2000 (0), figures are in hundredths, null where suppressed; '
    'estimated from what was known before known_before. One row per area and dwelling type.';

-- Read before the branch of listings was first built; dbt replaces this empty table.
create table intermediate.int_market__listing_months (
    suburb_month_key text not null,
    suburb_key text not null,
    dwelling_type text not null,
    month date not null,
    days_on_market_count int not null,
    days_on_market_median numeric(8, 1),
    rent_listing_count int not null,
    rent_weekly_median_aud numeric(10, 1),
    is_simulated boolean not null
);
comment on table intermediate.int_market__listing_months is
    'What listings tell of suburbs'' markets; dbt replaces this empty table. One row per '
    'suburb, dwelling type and month.';
