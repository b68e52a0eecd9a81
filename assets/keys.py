"""Asset keys and groups in one place: the key is the table's schema and name."""

from __future__ import annotations

import dagster as dg

RAW_NSW_SALES = dg.AssetKey(["raw", "nsw_valuer__sales"])
RAW_CSV_SALES = dg.AssetKey(["raw", "csv__sales"])
RAW_DOMAIN_LISTINGS = dg.AssetKey(["raw", "domain__listings"])
RAW_DOMAIN_LISTING_DETAILS = dg.AssetKey(["raw", "domain__listing_details"])
RAW_DOMAIN_PROPERTIES = dg.AssetKey(["raw", "domain__properties"])
RAW_DOMAIN_SALES_RESULTS = dg.AssetKey(["raw", "domain__sales_results"])
RAW_DOMAIN_SALES_SUMMARIES = dg.AssetKey(["raw", "domain__sales_summaries"])
RAW_DOMAIN_SUBURB_PERFORMANCE = dg.AssetKey(["raw", "domain__suburb_performance"])
RAW_REAXML_LISTINGS = dg.AssetKey(["raw", "reaxml__listings"])
RAW_REJECTS = dg.AssetKey(["raw", "rejects"])
ADDRESS_IDENTITY = dg.AssetKey(["intermediate", "int_address__identity"])
PRICE_TEXTS = dg.AssetKey(["intermediate", "int_price_text__parsed"])
PRICE_EVENTS = dg.AssetKey(["intermediate", "int_listing__price_events"])
PROPERTY_REDIRECTS = dg.AssetKey(["intermediate", "int_property__redirects"])
MERGE_REVIEWS = dg.AssetKey(["marts", "merge_reviews"])
PROPERTIES = dg.AssetKey(["marts", "properties"])
SALES = dg.AssetKey(["marts", "sales"])
REPEAT_PAIRS = dg.AssetKey(["intermediate", "int_market__repeat_pairs"])
PRICE_INDEX = dg.AssetKey(["intermediate", "int_market__index_paths"])
SUBURB_MARKET = dg.AssetKey(["marts", "suburb_market"])
TRAINING_FEATURES = dg.AssetKey(["ml", "training_features"])
PROPERTY_FEATURES = dg.AssetKey(["ml", "property_features"])
VALUATION_MODEL = dg.AssetKey(["ml", "property_valuation"])
PROMOTIONS = dg.AssetKey(["ml", "model_promotions"])
PREDICTIONS = dg.AssetKey(["ml", "price_predictions"])
PREDICTION_FEEDBACK = dg.AssetKey(["ml", "prediction_feedback"])
MODEL_ACCURACY = dg.AssetKey(["ml", "model_accuracy"])
EVENTS = dg.AssetKey(["delivery", "events"])
DELIVERIES = dg.AssetKey(["delivery", "deliveries"])

# What each group of the graph holds, left to right; the module that makes it.
GROUPS = {
    "landing": "Sales and listings as received, what was refused (assets/raw*.py)",
    "reference": "Reference sets by release (assets/raw_reference.py)",
    "identity": "Address text to stable property ids (assets/identity.py)",
    "staging": "Renamed and typed, one model a source (dbt)",
    "intermediate": "Sales deduplicated and judged (dbt)",
    "marts": "Properties, sales, price history, suburb market (dbt)",
    "features": "What was known as of a date (dbt)",
    "model": "Training, review gate and champion (assets/model.py)",
    "predictions": "Estimates of every active property (assets/predictions.py), and "
    "how later sales judge them (assets/feedback.py)",
    "delivery": "Outbox events and their webhook deliveries (assets/predictions.py)",
}

DATA_OWNER = "data@ausproperty.example"
ML_OWNER = "ml@ausproperty.example"
DELIVERY_OWNER = "delivery@ausproperty.example"
