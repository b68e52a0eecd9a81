from ml.fingerprint import code_fingerprint


def test_equal_code_has_an_equal_fingerprint() -> None:
    assert code_fingerprint() == code_fingerprint()
    assert len(code_fingerprint()) == 16
