"""Settings of the embedded server follow the machine and stay within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.server_settings import Machine, server_settings


def mib(text: str) -> int:
    return int(text.removesuffix("MB"))


@pytest.mark.parametrize(
    ("memory_mib", "buffers", "work"),
    [(2_048, 128, 8), (8_192, 256, 16), (24_000, 512, 32), (512_000, 512, 32)],
)
def test_memory_follows_the_machine_up_to_a_bound(
    memory_mib: int, buffers: int, work: int
) -> None:
    found = server_settings(Machine(memory_mib, 2))
    assert mib(found["shared_buffers"]) == pytest.approx(buffers, rel=0.02)
    assert mib(found["work_mem"]) == pytest.approx(work, rel=0.1)


@given(memory_mib=st.integers(256, 4_000_000), cores=st.integers(1, 512))
def test_any_machine_gets_settings_postgresql_takes(
    memory_mib: int, cores: int
) -> None:
    found = server_settings(Machine(memory_mib, cores))
    assert mib(found["shared_buffers"]) >= 16
    assert mib(found["work_mem"]) >= 1
    assert mib(found["maintenance_work_mem"]) >= 16
    assert int(found["max_parallel_workers_per_gather"]) >= 1
    assert 1 <= int(found["max_parallel_workers"]) <= 4


def test_this_machine_has_memory_and_cores() -> None:
    here = Machine.here()
    assert here.memory_mib > 100
    assert here.cores >= 1
