"""Homes of whole platforms, for the promises: made warm, cloned, cleared away."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.homes import (
    HOMES,
    ROOT,
    WEEKS,
    Home,
    base_environment,
    clone,
    sources_of,
)

NewHome = Callable[..., Home]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that all workers of this session share; the last one clears it."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = root / "homes"
    folder.mkdir(exist_ok=True)
    with _locked(folder):
        (folder / f"user-{os.getpid()}").touch()
    yield folder
    with _locked(folder):
        (folder / f"user-{os.getpid()}").unlink()
        if not list(folder.glob("user-*")):
            for home in folder.glob("home-*"):
                Home(home).clear()
            shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def manifest_folder(shared_folder: Path) -> Path:
    """A home's `dbt` folder with its manifest: 7 s that every other home is spared."""
    home = Home(shared_folder / "home-manifest")
    with _locked(shared_folder):
        if not (home.folder / "dbt").exists():
            ended = home.run("manifest")
            assert ended.code == 0, ended.screen
    return home.folder / "dbt"


@pytest.fixture(scope="session")
def market_files(shared_folder: Path) -> Path:
    """The small made-up market as files: `psi/*.zip` and `sales.csv.gz`."""
    folder = shared_folder / "market"
    with _locked(shared_folder):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            subprocess.run(
                [
                    *(sys.executable, "-m", "simulator", "--write", str(partial)),
                    *("--properties", str(HOMES), "--weeks", str(WEEKS)),
                ],
                env=base_environment(),
                cwd=ROOT,
                check=True,
            )
            partial.rename(folder)
    return folder


@pytest.fixture
def new_home(tmp_path: Path, manifest_folder: Path) -> Iterator[NewHome]:
    """Makes empty homes with a manifest; stops and removes them after the test."""
    made: list[Home] = []

    def make(name: str = "home", source: Path | None = None, **settings: str) -> Home:
        home = Home(tmp_path / name, **settings)
        made.append(home)
        if source is not None:
            clone(source, home.folder)
        else:
            home.folder.mkdir()
            shutil.copytree(manifest_folder, home.folder / "dbt")
        return home

    yield make
    left = [line for home in made for line in home.wait_empty(10)]
    for home in made:
        home.clear()
    assert not left, f"processes left behind: {left}"


@pytest.fixture(scope="session")
def waiting_home(
    shared_folder: Path, manifest_folder: Path, market_files: Path
) -> Path:
    """A stopped home of the `real` market, run in production: its model waits.

    One run for all tests that need a finished one; `new_home(source=...)` clones it.
    """
    home = Home(shared_folder / "home-waiting", environment="production")
    with _locked(shared_folder):
        if not (home.folder / "done").exists():
            shutil.copytree(manifest_folder, home.folder / "dbt", dirs_exist_ok=True)
            ended = home.run_job("run", *sources_of(market_files))
            assert ended.code == 0, ended.screen
            home.server.stop()
            (home.folder / "done").write_text(ended.screen)
    return home.folder
