-- Valuations: how sure, and whether consumers were told ---------------------------------

alter table ml.price_predictions
    add column fsd real check (fsd > 0),
    add column confidence_class text check (confidence_class in ('A', 'B', 'C', 'D', 'E')),
    add column extrapolation boolean not null default false,
    add column thin_data boolean not null default false,
    add column is_told boolean not null default true;
comment on column ml.price_predictions.fsd is
    'Forecast standard deviation, a share of the estimate: half the width, in natural log, of '
    'the interval that holds 68 % of sales. Null before this column existed.';
comment on column ml.price_predictions.confidence_class is
    'A to E, from fsd by the limits of ml.scoring_policy.';
comment on column ml.price_predictions.extrapolation is
    'A number known of the home lies outside what the model was trained on.';
comment on column ml.price_predictions.thin_data is
    'Few sales in the suburb and dwelling type in the last 12 months.';
comment on column ml.price_predictions.is_told is
    'An event tells of it. Where it moved less than the noise, none does.';

-- What consumers were last told is what a new estimate is compared with, so that slow drift
-- adds up until it is told. (No foreign key any more: one transaction writes both tables, and
-- looking each row up again cost more than writing it.)
alter table ml.current_predictions
    drop constraint current_predictions_prediction_id_fkey,
    add column told_prediction_id uuid,
    add column told_estimate_aud bigint,
    add column told_method text,
    add column told_class text;
update ml.current_predictions
set told_prediction_id = predictions.prediction_id,
    told_estimate_aud = predictions.estimate_aud,
    told_method = predictions.method
from ml.price_predictions as predictions
where predictions.prediction_id = current_predictions.prediction_id;
alter table ml.current_predictions
    alter column told_prediction_id set not null,
    alter column told_estimate_aud set not null,
    alter column told_method set not null;
comment on table ml.current_predictions is
    'The newest valuation of each property, and the one consumers were last told of. One row '
    'per valued property.';

-- What each valuation was made from and by ------------------------------------------------

create table ml.scorers (
    scorer_id integer generated always as identity primary key,
    fingerprint text not null unique,
    model_version text,
    degraded text,
    number_names text[] not null,
    category_names text[] not null,
    created_at timestamptz not null default now()
);
comment on table ml.scorers is
    'What valued: champion and its intervals, policy, code, and the names of the inputs in '
    'ml.valued_inputs. degraded says why the champion was not used. One row per combination.';

create table ml.valued_inputs (
    property_id uuid primary key,
    scorer_id integer not null,
    input_hash bigint not null,
    numbers double precision[] not null,
    categories text[] not null,
    previous_scorer_id integer,
    previous_numbers double precision[],
    previous_categories text[]
) with (fillfactor = 80);
comment on table ml.valued_inputs is
    'Inputs that the standing valuation (or refusal) was made from, and those of the one before, '
    'in the order of ml.scorers. A home whose hash and scorer are these is not valued again. '
    'One row per property.';

-- Refusals --------------------------------------------------------------------------------

create table ml.refusals (
    refusal_id uuid primary key,
    property_id uuid not null,
    reason text not null check (
        reason in (
            'attributes_missing', 'no_comparables', 'stale_market', 'too_uncertain',
            'type_not_modelled'
        )
    ),
    detail text not null,
    valuation_date date not null,
    features_snapshot_id text not null,
    withdrew_estimate_aud bigint,
    is_simulated boolean not null,
    run_id text,
    since timestamptz not null default now(),
    ended_at timestamptz
);
create unique index refusals_standing_idx on ml.refusals (property_id) where ended_at is null;
create index refusals_property_idx on ml.refusals (property_id, since desc);
comment on table ml.refusals is
    'Properties the platform does not value, and why. A refusal stands while ended_at is null; '
    'ended ones are kept. withdrew_estimate_aud is the estimate consumers were told of before. '
    'One row per refusal of a property for one reason.';

-- Policy ----------------------------------------------------------------------------------

create table ml.scoring_policy (
    name text primary key,
    value double precision not null check (value >= 0),
    meaning text not null,
    source text not null
);
insert into ml.scoring_policy values
    ('noise_share', 0.005, 'share of the estimate: a smaller move is noise', 'own'),
    ('noise_interval_share', 0.05,
     'share of half the 80 % interval''s width: a smaller move is noise', 'own'),
    ('class_a_fsd', 0.10, 'highest fsd of class A', 'practice of Australian vendors'),
    ('class_b_fsd', 0.15, 'highest fsd of class B', 'practice of Australian vendors'),
    ('class_c_fsd', 0.20, 'highest fsd of class C', 'the stricter lenders'' limit'),
    ('class_d_fsd', 0.25, 'highest fsd of class D', 'the laxer lenders'' limit'),
    ('refuse_fsd', 0.65, 'above this fsd no estimate is given',
     'own: a state''s median for a dwelling (0.62) just passes'),
    ('stale_months', 12, 'months without a sale in the state: no estimate', 'own'),
    ('thin_sales', 5, 'fewer sales in suburb and type in 12 months: thin data',
     'as ml.intervals counts evidence');
comment on table ml.scoring_policy is
    'What scoring takes for noise, sure, thin, stale and too unsure. Changing a value revalues '
    'what it touches at the next scoring. One row per rule.';
