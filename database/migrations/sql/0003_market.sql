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
);
comment on table intermediate.int_market__index_paths is
    'Repeat-sales price indexes as lists of months, to be read as int_market__price_index. '
    'Months count from January 2000 (0), figures are in hundredths, null where suppressed; '
    'estimated from what was known before known_before. One row per area and dwelling type.';
