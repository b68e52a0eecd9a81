-- Lines of the row dialect for a slice of the plan (DuckDB; tables are made by
-- `national_rows.py`). Everything a clerk would enter follows from the numbers of the
-- sale and the home, so that a correction years later repeats all but what it mends.
with facts as (
    select
        plan.*,
        homes.* exclude (home),
        localities.* exclude (locality),
        plan.deal * 8 + plan.extra as row_key,
        monday(plan.week) as published_on,
        monday(plan.week - plan.lag) as first_published_on,
        -- What a correction mends: the first version shows it wrong.
        case
            when plan.is_mended and plan.version = 0 and plan.extra = 0
                then mend(plan.deal, homes.is_strata)
        end as wrong
    from plan_slice as plan
    join homes using (home)
    join localities using (locality)
),

dated as (
    select
        *,
        case
            when is_archive then first_published_on - cast(luck(deal, 1) * 7 as integer)
            else first_published_on - 4 - cast(luck(deal, 1) * 9 as integer)
        end as settled_on,
        -- Median 42 days to settle; one in ten off the plan, or slow.
        case
            when is_archive then 0
            when luck(deal, 2) < 0.1 then 70 + cast(luck(deal, 3) * 600 as integer)
            else 28 + cast(luck(deal, 3) * 28 as integer)
        end as days_to_settle,
        case
            when is_strata and luck(home, 4) < 0.04 or luck(home, 4) < 0.05 then '3'
            when not is_strata and luck(home, 4) < 0.17 then 'V'
            else 'R'
        end as nature
    from facts
),

priced as (
    select
        *,
        settled_on - days_to_settle as sold_on,
        round(exp(
            level
            + case nature when '3' then 0.1 when 'V' then -0.5 else 0 end
            - case when is_strata then 0.45 else 0 end
            + 0.062 * (year(settled_on - days_to_settle) - 2015)
            + 0.02 * (month(settled_on - days_to_settle) % 4)
            + 0.6 * (luck(home, 5) + luck(home, 6) - 1)
            + 0.4 * (luck(deal, 7) + luck(deal, 8) - 1)
        ) / 1000)::bigint * 1000 as true_price
    from dated
),

entered as (
    select
        *,
        not is_mended and luck(deal, 9) < 0.0033 as is_partial,
        case
            when is_strata and luck(parcel, 30) < 0.17
                then getvariable('buildings')[1 + parcel % 9]
            else ''
        end as property_name,
        case
            when not is_strata then ''
            when extra > 0 or luck(row_key, 10) < 0.036 then ''
            when luck(row_key, 11) < 0.02 then 'U' || lot
            else lot::varchar
        end as unit,
        case
            when wrong = 'house' or not is_mended and luck(row_key, 12) < 0.013 then ''
            when luck(home, 13) < 0.02
                then house || case when luck(row_key, 14) < 0.3 then ' A' else 'A' end
            when luck(home, 13) < 0.04
                then house || case when luck(row_key, 14) < 0.3 then ' - ' else '-' end
                    || (house + 2)
            else house::varchar
        end as house_number,
        case
            when luck(row_key, 15) < 0.02
                then regexp_replace(street, ' ST$', ' STREET')
            else street
        end as street_name,
        case when luck(row_key, 16) < 0.002 then '2000' else postcode end as post_code,
        case
            when wrong = 'area' or is_strata and luck(deal, 17) < 0.47 then ''
            when is_strata then (40 + luck(home, 18) * 120)::integer::varchar
            when luck(home, 18) < 0.05 then trim_number(luck(home, 19) * 40 + 1)
            when luck(home, 18) < 0.5 then (300 + luck(home, 19) * 900)::integer::varchar
            else trim_number(300 + luck(home, 19) * 900)
        end as area,
        case
            when wrong = 'date' or not is_mended and luck(deal, 20) < 0.0003
                then sold_on - to_years(96)
            else sold_on
        end::date as contract_on,
        case
            when is_strata or luck(home, 22) < 0.055 then ''
            when year(sold_on) < 2011 then case nature when '3' then 'B' else 'A' end
            when nature = '3' then case when sold_on < '2023-04-26' then 'B2' else 'E1' end
            else 'R' || (1 + luck(home, 23) * 3)::integer
        end as zone,
        case nature
            when 'V' then 'VACANT LAND'
            when '3' then case when is_strata then 'OFFICE' else 'SHOP' end
            else 'RESIDENCE'
        end as purpose,
        case
            when not is_strata then ''
            when extra > 0 then (lot + 400)::varchar
            else lot::varchar
        end as strata_lot,
        case
            when wrong = 'code' then ''
            when is_mended and mend(deal, is_strata) = 'code' or luck(deal, 24) < 0.06 then 'XA'
            else ''
        end as sale_code,
        case
            when is_strata then strata_lot || '/SP' || (20000 + parcel % 90000)
            when luck(home, 25) < 0.02
                then (parcel % 30 + 1) || ', ' || (parcel % 30 + 32) || '/'
                    || (locality % 40 + 1) || '/' || (200000 + parcel // 30)
            else (parcel % 30 + 1) || '/' || (200000 + parcel // 30)
        end as legal
    from priced
),

written as (
    select
        *,
        case
            when not is_mended and luck(deal, 26) < 0.0043 then list_extract([1, 500, 2000], 1 + deal % 3)
            when is_partial then true_price // 2
            when wrong = 'price' then true_price * 10
            else true_price
        end as price,
        case
            when not is_archive and is_partial then '50'
            when is_archive or first_published_on < '2003-07-01' then ''
            else '0'
        end as interest,
        case
            when area = '' then ''
            when not is_strata and luck(home, 18) < 0.05 then 'H'
            else 'M'
        end as area_type,
        -- Letters and digits of one series a dealing.
        case
            when not is_archive
                then chr(65 + (deal // 26000000 % 26)::integer)
                    || chr(65 + (deal // 1000000 % 26)::integer)
                    || lpad((deal % 1000000)::varchar, 6, '0')
        end as dealing,
        district || ';' || parcel || ';' as who,
        strftime(contract_on, '%Y%m%d') as contract_text
    from entered
),

bodies as (
    select
        *,
        case
            when is_archive then md5(
                'archive;' || district || ';' || (10000000 + deal) || ';' || parcel || ';' || unit
                || ';' || house_number || ';' || street_name || ';' || locality_name || ';'
                || post_code || ';' || contract_text || ';' || price || ';' || legal || ';'
                || area || ';' || area_type || ';;;' || zone
            )
        end as archive_hash,
        property_name || ';' || unit || ';' || house_number || ';' || street_name || ';'
        || locality_name || ';' || post_code || ';' || area || ';' || area_type || ';'
        || contract_text || ';'
        || case when is_archive then '' else strftime(settled_on, '%Y%m%d') end || ';'
        || price || ';' || zone || ';'
        || case when is_archive then ';;;' else
            nature || ';' || purpose || ';' || strata_lot || ';' || component
        end || ';' || sale_code || ';' || interest || ';' || coalesce(dealing, '')
            as business
    from written
)

select
    who || place || ';'
    || case
        when is_archive then '20150909 11:33'
        else strftime(published_on, '%Y%m%d') || ' 01:07'
    end || ';' || business || ';'
    || case when is_archive then (10000000 + deal)::varchar else '' end || ';;' || legal || ';'
    || case
        when is_archive then '0;0;archive;' || archive_hash
        else
            (1 + (luck(deal, 27) * 2)::integer) || ';'
            || (1 + (luck(deal, 28) * 2)::integer) || ';current;'
            || md5(who || business)
    end || ';' || (1 + place * 5) || ';' || source_file || ';' || batch_id
    || ';t' || chr(10) as line
from bodies
order by slot
