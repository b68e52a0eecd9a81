from ml.fingerprint import code_fingerprint
from ml.predictions import prediction_id


def test_a_prediction_is_named_by_property_model_data_and_method() -> None:
    base = ("p", "1", "snapshot", "model")
    assert prediction_id(*base) == prediction_id(*base)
    others = [("q", *base[1:]), ("p", "2", *base[2:]), (*base[:3], "local_median")]
    assert len({prediction_id(*key) for key in [base, *others]}) == 4


def test_equal_code_has_an_equal_fingerprint() -> None:
    assert code_fingerprint() == code_fingerprint()
    assert len(code_fingerprint()) == 16
