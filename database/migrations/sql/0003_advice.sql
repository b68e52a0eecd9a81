-- From which day on the indexes `since` of a date column hold their table's rows. now() is
-- not allowed in an index predicate: the day is data here, and a job moves it.
create table ops.index_boundaries (
    table_name text not null,
    column_name text not null,
    boundary date not null,
    months_kept smallint not null check (months_kept > 0),
    moved_at timestamptz not null default now(),
    primary key (table_name, column_name)
);
insert into ops.index_boundaries (table_name, column_name, boundary, months_kept)
select table_name, column_name, date_trunc('month', now()) - interval '12 months', 12
from (values ('price_history', 'event_date'), ('properties', 'last_sale_date'))
    as recent (table_name, column_name);
comment on table ops.index_boundaries is
    'First day that the recent part of a table''s date index holds. Builds read it, the job '
    'move_index_boundaries moves it. One row per table and date column.';
