-- question: What is this property worth now, in whose estimate?
-- param: property_id uuid
-- index: ml.current_predictions (property_id)
-- index: ml.price_predictions (prediction_id)
-- sample: select property_id from {sample ml.current_predictions}
select predictions.*
from ml.current_predictions as now
inner join ml.price_predictions as predictions using (prediction_id)
where now.property_id = %(property_id)s
