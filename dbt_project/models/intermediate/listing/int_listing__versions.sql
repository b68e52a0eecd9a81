{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="listing_key",
        on_schema_change="fail",
        meta={"tells": {"int_listing__versions": "listing_key"}},
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'raw.domain__listings', 'raw.domain__listing_details',
                    'ops.domain_listings', 'stg_reaxml__versions',
                    'intermediate.int_price_text__parsed',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_listing_versions()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["listing_key"]},
            {"columns": ["text_hash"]},
            {"columns": ["batch_id"]},
        ],
    )
}}

-- Everything said of every listing, in the order in which it became known, with the status
-- that follows and the price that was asked. Withheld figures stay behind here.
-- depends_on: {{ ref("stg_domain__listing_versions") }}
-- depends_on: {{ ref("stg_domain__listing_detail_versions") }}
with said as (
    {{ listings_said() }}
),

judged as (
    select
        said.*,
        texts.kind as text_kind,
        texts.low_aud as text_low_aud,
        texts.high_aud as text_high_aud,
        texts.confidence as text_confidence,
        {{ asking_kind("said", "texts") }} as asking_kind,
        intermediate.listing_status(said.claim) over in_order as status,
        -- What a listing withholds now is served nowhere, not as once shown either.
        staging.newest_said(
            case
                when said.withheld_low_aud is not null or said.withheld_high_aud is not null
                    then concat(said.withheld_low_aud, '|', said.withheld_high_aud)
                when coalesce(said.price_low_aud, said.price_high_aud) is not null
                    or texts.kind in ('exact', 'range', 'from', 'up_to', 'around')
                    then '|'
            end
        ) over whole as hidden_figures,
        coalesce(
            staging.newest_said(said.is_sold_price_withheld::text) over whole = 'true', false
        ) as is_sold_hidden
    from said
    left join {{ source("intermediate", "int_price_text__parsed") }} as texts
        on md5(said.price_text)::uuid = texts.text_hash
    window
        in_order as (
            partition by said.listing_key order by said.version_order
            rows unbounded preceding
        ),
        whole as (
            partition by said.listing_key order by said.version_order
            rows between unbounded preceding and unbounded following
        )
),

shown as (
    select
        *,
        coalesce(asking_kind in (
            'exact', 'range', 'from', 'up_to', 'around', 'search_bracket'
        ), false) as is_price_named,
        coalesce(asking_kind in (
            'exact', 'range', 'from', 'up_to', 'around', 'search_bracket'
        ), false)
        and not coalesce(
            array_remove(
                array[price_low_aud, price_high_aud, text_low_aud, text_high_aud], null
            )::text[] && string_to_array(hidden_figures, '|'),
            false
        ) as has_asking_price,
        -- The figure of the data is the better one where both are exact.
        asking_kind = 'search_bracket'
        or (asking_kind in ('exact', 'range') and text_low_aud is null)
        or (asking_kind = 'exact' and price_low_aud = price_high_aud) as is_figure_used
    from judged
)

select
    md5(listing_key)::uuid as listing_id,
    listing_key,
    source,
    source_listing_id,
    version_order::int as version_order,
    {{ listing_columns(without=[
        "price_low_aud", "price_high_aud", "withheld_low_aud", "withheld_high_aud",
        "sold_price_aud", "government_sold_price_aud", "is_sold_price_withheld",
        "price_text",
    ]) }},
    status,
    -- A text that names what is withheld is no text to show.
    case
        when asking_kind = 'withheld' and price_text ~ '[0-9]' then null
        when is_sold_hidden and text_kind = 'sold' and price_text ~ '[0-9]' then null
        when not has_asking_price and text_low_aud is not null and text_kind <> 'sold' then null
        else price_text
    end as price_text,
    md5(price_text)::uuid as text_hash,
    case when is_price_named and not has_asking_price then 'withheld' else asking_kind end
        as asking_kind,
    case when has_asking_price
        then case when is_figure_used then price_low_aud else text_low_aud end
    end as asking_low_aud,
    case when has_asking_price
        then case when is_figure_used then price_high_aud else text_high_aud end
    end as asking_high_aud,
    case
        when asking_kind in ('search_bracket', 'withheld') then 0
        when is_figure_used then 1
        else coalesce(text_confidence, 0)
    end::real as asking_confidence,
    case
        when listing_type = 'rent' then coalesce(
            rent_weekly_aud::bigint,
            case when text_kind = 'rent' and text_low_aud = text_high_aud
                then text_low_aud end
        )
    end as rent_weekly_aud,
    case when not is_sold_hidden then coalesce(
        sold_price_aud,
        case when claim = 'sold' and text_kind = 'sold' and text_low_aud = text_high_aud
            then text_low_aud end
    ) end as sold_price_aud,
    case when not is_sold_hidden then government_sold_price_aud end
        as government_sold_price_aud
from shown
