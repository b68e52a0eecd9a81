"""Link the labelled records with Splink, in an environment of its own.

    python splink_link.py --records RECORDS.parquet --pairs PAIRS.parquet

Fair to the peer: the same derived columns as ours, the same blocks (without caps), and
the truth, from which it learns its m probabilities (ours were fitted on another set).
Prints one line of JSON: wall seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

_STREET = cl.CustomComparison(
    output_column_name="street",
    comparison_levels=[
        cll.NullLevel("street"),
        cll.ExactMatchLevel("street"),
        cll.DamerauLevenshteinLevel("street", 1),
        cll.JaroWinklerLevel("street", 0.92),
        cll.ElseLevel(),
    ],
)
_PLACE = cl.CustomComparison(
    output_column_name="place",
    comparison_levels=[
        cll.And(cll.ExactMatchLevel("locality"), cll.ExactMatchLevel("postcode")),
        cll.ExactMatchLevel("locality"),
        cll.DamerauLevenshteinLevel("locality", 1),
        cll.ExactMatchLevel("postcode"),
        cll.CustomLevel("left(postcode_l, 3) = left(postcode_r, 3)"),
        cll.ElseLevel(),
    ],
)
_NUMBER = cl.CustomComparison(
    output_column_name="number",
    comparison_levels=[
        cll.NullLevel("number"),
        cll.ExactMatchLevel("number"),
        cll.CustomLevel(
            "first_number_l in (first_number_r, last_number_r) "
            "or first_number_r in (first_number_l, last_number_l)"
        ),
        cll.ElseLevel(),
    ],
)
_TITLE = cl.CustomComparison(
    output_column_name="title",
    comparison_levels=[
        cll.CustomLevel("len(parcels_l) = 0 or len(parcels_r) = 0", "null"),
        cll.CustomLevel("list_has_any(lots_l, lots_r)"),
        cll.CustomLevel(
            "list_has_any(parcels_l, parcels_r) and len(lots_l) * len(lots_r) = 0"
        ),
        cll.ElseLevel(),
    ],
)


def main() -> None:
    """Train, predict, write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", required=True)
    parser.add_argument("--pairs", required=True)
    asked = parser.parse_args()
    api = DuckDBAPI()
    started = time.perf_counter()
    rules = [
        block_on("state", "locality", "street", "flat", "first_number"),
        block_on("state", "district", "street", "flat", "first_number"),
        block_on("state", "locality", "beginning", "flat", "first_number"),
        block_on("state", "locality", "ending", "flat", "first_number"),
        block_on("state", "locality", "frame", "flat", "first_number"),
        block_on("north", "east", "flat", "first_number"),
        block_on("titles", arrays_to_explode=["titles"]),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="property_id",
        comparisons=[
            _STREET,
            cl.ExactMatch("way"),
            _NUMBER,
            cl.ExactMatch("flat"),
            _PLACE,
            cl.DistanceInKMAtThresholds(
                "latitude", "longitude", [0.04, 0.15, 0.6, 2.5]
            ),
            _TITLE,
            cl.ExactMatch("dwelling_type"),
        ],
        blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
    )
    frame = api.register(api._con.read_parquet(asked.records))  # noqa: SLF001
    linker = Linker(frame, settings, log_level=40)
    linker.training.estimate_probability_two_random_records_match(rules[:1], recall=0.5)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6)
    linker.training.estimate_m_from_label_column("home")
    found = linker.inference.predict(threshold_match_weight=-5)
    name = found.physical_name
    api._con.execute(  # noqa: SLF001
        f"copy (select property_id_l as low, property_id_r as high, match_weight "
        f"from {name}) to '{asked.pairs}' (format parquet)"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
