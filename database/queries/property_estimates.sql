-- question: How did the estimates of this property move? A page, newest first.
-- param: property_id uuid
-- param: before_at timestamptz
-- index: ml.price_predictions (property_id, created_at DESC)
-- sample: select property_id, created_at + interval '1 second' as before_at
--   from {sample ml.price_predictions}
select estimate_aud, low_aud, high_aud, method, model_version, created_at
from ml.price_predictions
where property_id = %(property_id)s
    and created_at < %(before_at)s
order by created_at desc
limit 50
