-- question: What was this property's valuation before the last one made from, and what did it say?
-- param: property_id uuid
-- index: ml.valued_inputs (property_id)
-- index: ml.price_predictions (property_id, created_at DESC)
-- sample: select property_id from {sample ml.valued_inputs}
select
    scorers.model_version,
    scorers.number_names,
    scorers.category_names,
    known.previous_numbers,
    known.previous_categories,
    earlier.estimate_aud
from ml.valued_inputs as known
inner join ml.scorers on scorers.scorer_id = known.previous_scorer_id
left join lateral (
    select predictions.estimate_aud
    from ml.price_predictions as predictions
    where
        predictions.property_id = known.property_id
        and predictions.model_version = scorers.model_version
    order by predictions.created_at desc, predictions.prediction_id
    limit 1
) as earlier on true
where known.property_id = %(property_id)s
