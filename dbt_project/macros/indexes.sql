{% macro create_partial_index(columns, where, unique=false) -%}
    {#- dbt's `indexes` config knows no WHERE: use this in a post-hook. PostgreSQL picks
        the name, because the table being replaced still holds its own until the commit. -#}
    create {{ "unique " if unique }}index on {{ this }} ({{ columns | join(", ") }})
    where {{ where }}
{%- endmacro %}

{% macro create_trigram_index(column) -%}
    {#- For search by a part of the text. pg_trgm is optional: a server without it, or a
        user who may not create it, goes without this index and builds all the same. -#}
    do $$
    begin
        if exists (select from pg_available_extensions where name = 'pg_trgm') then
            create extension if not exists pg_trgm schema public;
            create index on {{ this }} using gin ({{ column }} public.gin_trgm_ops);
        end if;
    exception
        when insufficient_privilege or undefined_object then
            raise notice 'no trigram index on {{ this }}: %', sqlerrm;
    end
    $$
{%- endmacro %}

{% macro analyze_this() -%}
    {#- Fresh statistics for the models that read this one: autovacuum comes too late. -#}
    analyze {{ this }}
{%- endmacro %}
