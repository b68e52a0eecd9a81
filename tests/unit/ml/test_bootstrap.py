import numpy as np
import pytest

from ml.bootstrap import bounds, paired_difference
from ml.evaluation import accuracy


def market(
    seed: int, spread: float = 0.12, sales: int = 800
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    price = np.exp(rng.normal(13.5, 0.4, sales))
    return price, price * np.exp(rng.normal(0, spread, sales))


def test_the_truth_lies_within_the_bounds_about_as_often_as_they_say() -> None:
    whole = accuracy(*market(0, sales=400_000))
    held = dict.fromkeys(("mdape", "pe10", "cod", "median_ratio"), 0)
    for seed in range(1, 41):
        found = bounds(*market(seed, sales=300), seed=seed)
        for name in held:
            held[name] += found[name].contains(getattr(whole, name))
    assert all(33 <= count <= 40 for count in held.values()), held


def test_the_same_sales_and_seed_give_the_same_bounds() -> None:
    price, estimate = market(3)
    assert bounds(price, estimate, seed=5) == bounds(price, estimate, seed=5)
    assert bounds(price, estimate, seed=5) != bounds(price, estimate, seed=6)


def test_a_worse_model_is_worse_by_more_than_luck_and_an_equal_one_is_not() -> None:
    price, ours = market(1)
    worse = price * (ours / price) ** 1.4
    difference = paired_difference(price, worse, ours, seed=2)
    assert difference is not None
    assert difference.low > 1
    _, other = market(9)
    alike = paired_difference(price, ours, price * other / market(9)[0], seed=2)
    assert alike is not None
    assert alike.contains(0)


@pytest.mark.parametrize("sales", [0, 1, 19])
def test_few_sales_have_no_bounds(sales: int) -> None:
    price, estimate = market(4, sales=sales)
    assert bounds(price, estimate, seed=1) == {}
    assert paired_difference(price, estimate, estimate, seed=1) is None
