-- Intervals -------------------------------------------------------------------------------

-- Not validated: what stands has none of these, and is not to be read for that.
alter table ml.price_predictions
    add column low_68_aud bigint,
    add column high_68_aud bigint,
    add column low_95_aud bigint,
    add column high_95_aud bigint,
    add constraint price_predictions_intervals_are_nested check (
        low_95_aud <= low_aud
        and low_aud <= low_68_aud
        and low_68_aud <= estimate_aud
        and estimate_aud <= high_68_aud
        and high_68_aud <= high_aud
        and high_aud <= high_95_aud
    ) not valid;
comment on column ml.price_predictions.low_68_aud is
    'Lower bound of the interval that holds 68 % of sales, AUD; low_aud is that of interval_pct. '
    'Null where the method states none, and before this column existed.';
comment on column ml.price_predictions.high_68_aud is 'Upper bound of the same.';
comment on column ml.price_predictions.low_95_aud is
    'Lower bound of the interval that holds 95 % of sales, AUD; null as low_68_aud.';
comment on column ml.price_predictions.high_95_aud is 'Upper bound of the same.';

create or replace view ml.model_accuracy as
with ratios as (
    select
        *,
        date_trunc('month', contract_date)::date as month,
        estimate_aud::double precision / price_aud as ratio
    from ml.prediction_feedback
),

levels as (
    select evidence, method, model_version, state, dwelling_type, month,
        percentile_cont(0.5) within group (order by ratio) as median_ratio
    from ratios
    group by 1, 2, 3, 4, 5, 6
)

select
    ratios.evidence,
    ratios.method,
    ratios.model_version,
    ratios.state,
    ratios.dwelling_type,
    ratios.month,
    count(*)::integer as n,
    percentile_cont(0.5) within group (order by abs(ratios.error_pct)) as mdape_pct,
    100 * avg((round(abs(ratios.error_pct)::numeric, 9) <= 10)::integer)::double precision
        as pe10_pct,
    100 * avg(abs(ratios.ratio - levels.median_ratio)) / min(levels.median_ratio)
        as cod_pct,
    min(levels.median_ratio) as median_ratio,
    100 * avg(ratios.inside_80::integer)::double precision as coverage_80_pct,
    percentile_cont(0.5) within group (order by ratios.days_between) as median_days_between,
    100 * avg(ratios.inside_68::integer)::double precision as coverage_68_pct,
    100 * avg(ratios.inside_95::integer)::double precision as coverage_95_pct
from ratios
inner join levels
    on levels.evidence = ratios.evidence
    and levels.method = ratios.method
    and levels.model_version is not distinct from ratios.model_version
    and levels.state is not distinct from ratios.state
    and levels.dwelling_type is not distinct from ratios.dwelling_type
    and levels.month = ratios.month
group by 1, 2, 3, 4, 5, 6;

-- Submitted actuals -----------------------------------------------------------------------

alter table ml.submitted_actuals
    drop constraint submitted_actuals_status_check,
    drop constraint submitted_actuals_check,
    add check (status in ('accepted', 'held', 'rejected')),
    add check ((status = 'accepted') = (reason is null));
comment on table ml.submitted_actuals is
    'Prices that consumers say were paid. Never learnt from: a home''s recorded sale is. Held '
    'and rejected ones are used for nothing. One row per source and reference, as last '
    'submitted.';

create table ml.actual_decisions (
    decision_id bigint generated always as identity primary key,
    actual_id uuid not null references ml.submitted_actuals,
    decision text not null check (decision in ('released', 'rejected')),
    property_id uuid not null,
    price_aud bigint not null,
    contract_date date not null,
    previous_status text not null,
    previous_reason text,
    actor text not null check (actor <> ''),
    reason text not null check (reason <> ''),
    decided_at timestamptz not null default now()
);
create index actual_decisions_actual_idx on ml.actual_decisions (actual_id, decision_id desc);
create trigger actual_decisions_are_kept before update or delete or truncate
    on ml.actual_decisions for each statement
    execute function ops.refuse_to_rewrite('ml.actual_decisions');
comment on table ml.actual_decisions is
    'People''s word on submitted actuals, with what stood when it was given. It holds for that '
    'property, price and day: sent again with others, an actual is looked at anew. '
    'Append-only. One row per decision.';
