def test_weights_fitted_anew_tell_the_same_as_those_in_use():
    _, found = fitted(homes=3_000)

    assert found.keys() == WEIGHTS.keys()
    for name, level in (("place", 0), ("way", 0), ("distance", 0), ("title", 1)):
        assert found[name][level] > 0 < WEIGHTS[name][level], name
    for name, level in (("number", 1), ("way", 3), ("distance", 4)):
        assert found[name][level] < 0 > WEIGHTS[name][level], name
