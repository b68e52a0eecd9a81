import os
import subprocess
import sys

from ml.threads import MANY_ROWS, worth_using


def test_few_rows_get_one_thread() -> None:
    assert worth_using(4, MANY_ROWS - 1) == 1
    assert worth_using(4, MANY_ROWS) == 4


def test_idle_threads_sleep_unless_the_environment_says_other() -> None:
    code = (
        "from ml.threads import calm_openmp; calm_openmp(); import os;"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    for given, expected in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        if given:
            environment["OMP_WAIT_POLICY"] = given
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
