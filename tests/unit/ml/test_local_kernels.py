"""Nearness to landmarks: stable where homes share a place, and saved as plain parts."""

from __future__ import annotations

import numpy as np
from sklearn.kernel_approximation import Nystroem

from ml.local_kernels import LocalKernels


def test_places_near_each_other_are_told_apart_and_alike() -> None:
    places = np.random.default_rng(1).normal(size=(2_000, 2))
    kernels = LocalKernels(gamma=2.0, n_components=100, random_state=1).fit(places)
    near = kernels.transform(np.array([[0.0, 0.0], [0.01, 0.0], [1.5, 1.5]]))
    assert near.shape == (3, 100)
    assert np.linalg.norm(near[0] - near[1]) < 0.2 * np.linalg.norm(near[0] - near[2])


def test_homes_of_one_place_do_not_blow_up_what_rounding_leaves() -> None:
    """Streets and suburbs lend one place to many homes: landmarks coincide."""
    places = np.repeat(np.random.default_rng(2).normal(size=(5, 2)), 200, axis=0)
    kernels = LocalKernels(gamma=2.0, n_components=100, random_state=1).fit(places)
    moved = kernels.transform(places + 1e-12)
    np.testing.assert_allclose(moved, kernels.transform(places), atol=1e-9)


def test_the_same_seed_draws_the_same_landmarks_and_another_others() -> None:
    places = np.random.default_rng(3).normal(size=(500, 2))

    def landmarks(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        kernels = LocalKernels(gamma=2.0, n_components=50, random_state=seed)
        return np.asarray(kernels.fit(places).components_)

    np.testing.assert_array_equal(landmarks(1), landmarks(1))
    assert not np.array_equal(landmarks(1), landmarks(2))


def test_the_plain_form_is_scikit_learns_and_says_the_same() -> None:
    places = np.random.default_rng(4).normal(size=(300, 2))
    kernels = LocalKernels(gamma=8.0, n_components=40, random_state=1).fit(places)
    plain = kernels.plain()
    assert type(plain) is Nystroem
    np.testing.assert_array_equal(plain.transform(places), kernels.transform(places))
