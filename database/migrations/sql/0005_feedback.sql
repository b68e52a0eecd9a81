-- What estimates turned out to be worth.

-- Which predictions there were before a day; dates repeat, so the index stays small.
create index price_predictions_valuation_idx
    on ml.price_predictions (valuation_date, created_at);

-- Submitted actuals -----------------------------------------------------------------------

create table ml.feedback_policy (
    source text primary key,
    rows_per_day integer not null check (rows_per_day >= 0),
    plausible_factor real not null check (plausible_factor > 1),
    judging_share real not null check (judging_share between 0 and 1)
);
insert into ml.feedback_policy values ('*', 500, 3, 0.05);
comment on table ml.feedback_policy is
    'What a source of submitted actuals may do: rows a day (UTC), the factor from the standing '
    'estimate beyond which a price is held, and the share of the recorded sales of a market and '
    'month that its actuals may be worth when models are judged. ''*'' is every source without '
    'a row of its own. One row per source.';

create table ml.submitted_actuals (
    actual_id uuid primary key,
    source text not null,
    reference text not null,
    property_id uuid not null,
    price_aud bigint not null check (price_aud > 0),
    contract_date date not null,
    status text not null check (status in ('accepted', 'held')),
    reason text,
    estimate_aud bigint,
    source_file text not null,
    source_row_number integer not null,
    file_sha256 text not null,
    is_simulated boolean not null,
    submitted_at timestamptz not null default now(),
    unique (source, reference),
    check ((status = 'held') = (reason is not null))
);
create index submitted_actuals_source_idx on ml.submitted_actuals (source, submitted_at);
create index submitted_actuals_property_idx on ml.submitted_actuals (property_id);
comment on table ml.submitted_actuals is
    'Prices that consumers say were paid. Never learnt from: a home''s recorded sale is. Held '
    'ones are used for nothing. One row per source and reference, as last submitted.';

create table ml.submission_attempts (
    source text not null,
    day date not null,
    row_count integer not null,
    primary key (source, day)
);
comment on table ml.submission_attempts is
    'New or changed rows that a source submitted in a day (UTC), taken or refused: what its '
    'limit counts. One row per source and day.';

-- Feedback --------------------------------------------------------------------------------

create table ml.prediction_feedback (
    feedback_id uuid primary key,
    evidence text not null check (evidence in ('sale', 'submitted')),
    sale_id uuid unique,
    actual_id uuid unique,
    property_id uuid not null,
    prediction_id uuid not null references ml.price_predictions,
    contract_date date not null,
    known_on date not null,
    price_aud bigint not null,
    valuation_date date not null,
    days_between integer not null,
    estimate_aud bigint not null,
    low_aud bigint not null,
    high_aud bigint not null,
    interval_pct smallint not null,
    error_aud bigint not null,
    error_pct double precision not null,
    error_log double precision not null,
    inside_68 boolean,
    inside_80 boolean,
    inside_95 boolean,
    method text not null,
    model_name text,
    model_version text,
    state text,
    dwelling_type text,
    suburb_key text,
    source text not null,
    source_file text not null,
    source_row_number integer not null,
    is_simulated boolean not null,
    created_at timestamptz not null default now(),
    check ((sale_id is not null) = (evidence = 'sale')),
    check ((actual_id is not null) = (evidence = 'submitted')),
    check (days_between >= 0)
);
create index prediction_feedback_version_idx
    on ml.prediction_feedback (model_version, known_on);
create index prediction_feedback_prediction_idx on ml.prediction_feedback (prediction_id);
comment on table ml.prediction_feedback is
    'Each later market sale, and each accepted submitted actual, beside the prediction that '
    'stood before it. Errors are estimate less price: above 0 was valued too high. Outside '
    'the intervals stored is null. One row per sale or actual.';

-- Of what consumers submit, only so much of a market judges models.
create view ml.judging_feedback as
with recorded as (
    select state, dwelling_type, date_trunc('month', contract_date)::date as month,
        count(*) as sale_count
    from ml.prediction_feedback
    where evidence = 'sale'
    group by 1, 2, 3
),

submitted as (
    select
        feedback.feedback_id,
        row_number() over (
            partition by feedback.source, feedback.state, feedback.dwelling_type,
                date_trunc('month', feedback.contract_date)
            order by feedback.feedback_id
        ) as place,
        floor(policy.judging_share * coalesce(recorded.sale_count, 0)) as allowed
    from ml.prediction_feedback as feedback
    cross join lateral (
        select judging_share from ml.feedback_policy
        where source in (feedback.source, '*')
        order by source = '*'
        limit 1
    ) as policy
    left join recorded
        on recorded.state is not distinct from feedback.state
        and recorded.dwelling_type is not distinct from feedback.dwelling_type
        and recorded.month = date_trunc('month', feedback.contract_date)
    where feedback.evidence = 'submitted'
)

select * from ml.prediction_feedback
where
    evidence = 'sale'
    or feedback_id in (select feedback_id from submitted where place <= allowed);
comment on view ml.judging_feedback is
    'Feedback that models are judged by: every recorded sale and, of each source''s submitted '
    'actuals, no more than ml.feedback_policy allows of a market (state, dwelling type) and '
    'month. One row per sale or actual.';

create view ml.model_accuracy as
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
    percentile_cont(0.5) within group (order by ratios.days_between) as median_days_between
from ratios
inner join levels
    on levels.evidence = ratios.evidence
    and levels.method = ratios.method
    and levels.model_version is not distinct from ratios.model_version
    and levels.state is not distinct from ratios.state
    and levels.dwelling_type is not distinct from ratios.dwelling_type
    and levels.month = ratios.month
group by 1, 2, 3, 4, 5, 6;
comment on view ml.model_accuracy is
    'How far estimates were off, read from ml.prediction_feedback: submitted actuals apart '
    'from recorded sales. One row per evidence, method, model version, market (state, dwelling '
    'type) and month of contract.';
