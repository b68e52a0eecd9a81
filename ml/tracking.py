"""The only door to MLflow: runs, model versions, aliases and saved models.

Nothing else imports mlflow, and mlflow is imported only when a method needs it.
Elsewhere: what is trained (``training``), when (``registration``), who is promoted
(``promotion``). Stored as tags of a model version, because MLflow keeps no metrics
there: the headline measures, the review state, what it was trained on.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml import model_files
from ml.threads import calm_openmp

if TYPE_CHECKING:
    import pandas as pd

    from ml.training import Trained

MODEL_NAME = "property_valuation"
CHAMPION = "champion"
CHALLENGER = "challenger"
_EXPERIMENT = "property_valuation"


class RegistryError(RuntimeError):
    """MLflow cannot be reached, or holds something unusable; says what was tried."""


@dataclass(frozen=True)
class Version:
    """A registered model version: number as text, its run, model uri and tags."""

    version: str
    run_id: str
    model_id: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def number(self, tag: str) -> float | None:
        """A measure stored as a tag, or None."""
        try:
            return float(self.tags[tag])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to use: ``model.predict(model inputs)`` gives AUD.

    It knows ``dwelling_types`` ("" for unknown) and no others. ``fsd_ratio`` times half
    the interval's width (log) is the forecast standard deviation; ``ranges`` are lowest
    and highest of each number of a home that it was trained on; ``factors`` widen the
    ``intervals`` to other percentages.
    """

    version: Version
    model: Any
    intervals: dict[str, Any]
    dwelling_types: tuple[str, ...]
    fsd_ratio: float
    ranges: dict[str, tuple[float, float]]
    factors: Mapping[int, float] = field(default_factory=dict)


class Registry:
    """MLflow's tracking store and model registry behind plain methods.

    Args:
        tracking_uri: SQLAlchemy URL of the store, as
            ``postgresql+psycopg2://.../db?options=-csearch_path%3Dmlflow`` (a schema
            of the warehouse; created if absent) or ``sqlite:///...``.
        artifacts: folder or URI under which models and plots are stored.
    """

    def __init__(self, tracking_uri: str, artifacts: str | Path) -> None:
        self.tracking_uri = tracking_uri
        self._artifacts = str(artifacts)
        self._client_: Any = None
        self._experiment_id_ = ""

    # -- reading ------------------------------------------------------------------

    def prepare(self) -> None:
        """Create MLflow's tables and our experiment; safe to repeat and to race."""
        assert self._experiment_id

    def find_version(self, **tags: str) -> Version | None:
        """The oldest version carrying all these tags."""
        quoted = " and ".join(f"tag.{key} = '{value}'" for key, value in tags.items())
        found = self._client.search_model_versions(
            f"name = '{MODEL_NAME}' and {quoted}"
        )
        ordered = sorted(found, key=lambda v: int(v.version))
        return _version(ordered[0]) if ordered else None

    def alias(self, name: str) -> Version | None:
        """The version an alias points at, or None when it is not set."""
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version_by_alias(MODEL_NAME, name))
        except MlflowException as error:
            if error.error_code in {
                "RESOURCE_DOES_NOT_EXIST",
                "INVALID_PARAMETER_VALUE",
            }:
                return None
            raise

    def version(self, number: str) -> Version:
        """One version by number.

        Raises:
            RegistryError: there is no such version.
        """
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version(MODEL_NAME, number))
        except MlflowException as error:
            raise RegistryError(f"no version {number} of {MODEL_NAME}") from error

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        found = self._client.search_model_versions(f"name = '{MODEL_NAME}'")
        return sorted(map(_version, found), key=lambda v: -int(v.version))

    def load(self, version: Version) -> LoadedModel:
        """The saved model and its interval parameters.

        Raises:
            RegistryError: files are missing or broken (whatever MLflow says).
        """
        try:
            with _without_foreign_warnings():
                loaded = model_files.load(self._mlflow(), version.model_id)
            return LoadedModel(version, **loaded)
        except Exception as error:
            raise RegistryError(
                f"model version {version.version} cannot be loaded: {error}"
            ) from error

    def figure_files(self, run_id: str) -> list[Path]:
        """The run's plots as local PNG files; none when there are none."""
        from mlflow.artifacts import download_artifacts

        if not self._client.list_artifacts(run_id, "plots"):
            return []
        # By address: a local folder is then answered as it is, not copied.
        uri = f"{self._client.get_run(run_id).info.artifact_uri}/plots"
        return sorted(Path(download_artifacts(uri)).glob("*.png"))

    def file(self, run_id: str, name: str) -> bytes | None:
        """A file of the run; None where there is none."""
        from mlflow.artifacts import download_artifacts

        known = {found.path for found in self._client.list_artifacts(run_id)}
        if name not in known:
            return None
        uri = f"{self._client.get_run(run_id).info.artifact_uri}/{name}"
        return Path(download_artifacts(uri)).read_bytes()

    # -- writing ------------------------------------------------------------------

    def kill_orphans(self, reason: str) -> int:
        """Mark runs still RUNNING as KILLED; return how many.

        Only call while holding the training lock: then nobody else can be training,
        so such a run lost its process.
        """
        running = self._client.search_runs(
            [self._experiment_id], "attributes.status = 'RUNNING'"
        )
        for run in running:
            self._client.set_tag(run.info.run_id, "killed_because", reason)
            self._client.set_terminated(run.info.run_id, "KILLED")
        return len(running)

    def finish_run(self, run_id: str) -> None:
        """Close the run of a registered version whose process died just after."""
        if self._client.get_run(run_id).info.status == "RUNNING":
            self._client.set_terminated(run_id, "FINISHED")

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """Open one MLflow run: FINISHED if the block ends, FAILED if it raises.

        Yields the run's id; logging inside the block belongs to it.
        """
        with self._mlflow().start_run(
            experiment_id=self._experiment_id, run_name=name, tags=dict(tags)
        ) as run:
            yield str(run.info.run_id)

    def log_measures(
        self, run_id: str, params: Mapping[str, str], metrics: Mapping[str, float]
    ) -> None:
        """Parameters, and metrics that are numbers (NaN is left out)."""
        import math
        import time

        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            params=[Param(key, value) for key, value in params.items()],
            metrics=[
                Metric(key, value, now, 0)
                for key, value in metrics.items()
                if not math.isnan(value)
            ],
        )

    def log_figures(self, run_id: str, figures: Mapping[str, Any]) -> None:
        """PNG files under ``plots/`` of the run."""
        for file, figure in figures.items():
            self._client.log_figure(run_id, figure, f"plots/{file}")

    def log_text(self, run_id: str, file: str, text: str) -> None:
        """A text file of the run, as a page of HTML."""
        self._client.log_text(run_id, text, file)

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Files of the run, by name."""
        with tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                path = Path(folder) / name
                path.write_bytes(data)
                self._client.log_artifact(run_id, str(path))

    def page_of_artifact(self, run_id: str, file: str) -> str:
        """Where MLflow's pages show a file of a run, after the server's address."""
        return f"/#/experiments/{self._experiment_id}/runs/{run_id}/artifacts/{file}"

    def log_model(
        self, trained: Trained, frame: pd.DataFrame, snapshot: str
    ) -> model_files.SavedModel:
        """Save the model under the open run.

        With its intervals, signature, input example and the data set it came from.
        """
        with _without_foreign_warnings():
            mlflow = self._mlflow()
            return model_files.save(mlflow, MODEL_NAME, trained, frame, snapshot)

    def register(
        self, run_id: str, model_id: str, tags: Mapping[str, str], description: str
    ) -> Version:
        """Make a new version.

        Tags and description (Markdown, shown on its page) are written in the same
        transaction: the version is there whole or not at all.
        """
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(MODEL_NAME)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = self._client.create_model_version(
            MODEL_NAME,
            source=f"models:/{model_id}",
            run_id=run_id,
            tags=dict(tags),
            description=description,
            model_id=model_id,
        )
        # Makes the run's page link to the version; MLflow's own helper does the same.
        link = json.dumps([{"name": MODEL_NAME, "version": str(made.version)}])
        self._client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link})
        return self.version(str(made.version))

    def set_tags(self, version: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(MODEL_NAME, version, key, value)

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version; nothing happens when it already does."""
        current = self.alias(alias)
        if current is None or current.version != version:
            self._client.set_registered_model_alias(MODEL_NAME, alias, version)

    def delete_alias(self, alias: str) -> None:
        """Take an alias away from whatever version has it."""
        self._client.delete_registered_model_alias(MODEL_NAME, alias)

    # -- inside -------------------------------------------------------------------

    def _mlflow(self) -> Any:
        quieten()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own modules, while they load
            import mlflow
            import mlflow.pyfunc
            import mlflow.sklearn

        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        return mlflow

    @property
    def _client(self) -> Any:
        if self._client_ is None:
            mlflow = self._mlflow()
            with _store_lock(self.tracking_uri):
                client = mlflow.MlflowClient(self.tracking_uri, self.tracking_uri)
                client.search_experiments(max_results=1)
            self._client_ = client
        return self._client_

    @property
    def _experiment_id(self) -> str:
        if not self._experiment_id_:
            client = self._client  # before the lock, which it takes itself
            with _store_lock(self.tracking_uri):
                found = client.get_experiment_by_name(_EXPERIMENT)
                made = found.experiment_id if found else self._make_experiment(client)
            self._experiment_id_ = str(made)
        return self._experiment_id_

    def _make_experiment(self, client: Any) -> Any:
        return client.create_experiment(_EXPERIMENT, _artifact_uri(self._artifacts))


def quieten() -> None:
    """Telemetry, progress bars and chatter off, unless the environment says other."""
    for key, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "GIT_PYTHON_REFRESH": "quiet",
    }.items():
        os.environ.setdefault(key, value)
    calm_openmp()  # MLflow imports scikit-learn
    logging.getLogger("alembic").setLevel(logging.WARNING)


@contextmanager
def _without_foreign_warnings() -> Iterator[None]:
    """MLflow's quarrels with other libraries (pandas 3 above all) are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _version(found: Any) -> Version:
    model_id = getattr(found, "model_id", None) or str(found.source).split("/")[-1]
    return Version(str(found.version), str(found.run_id), model_id, dict(found.tags))


def _artifact_uri(artifacts: str) -> str:
    if "://" in artifacts:
        return artifacts
    folder = Path(artifacts).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()


@contextmanager
def _store_lock(tracking_uri: str) -> Iterator[None]:
    """Let one process at a time create MLflow's tables: it has no lock of its own.

    Also creates the schema that the URL names. No-op for other databases.
    """
    if not tracking_uri.startswith("postgresql"):
        yield
        return
    import sqlalchemy as sa

    engine = sa.create_engine(tracking_uri, poolclass=sa.NullPool)
    options = str(engine.url.query.get("options", ""))
    schema = re.search(r"search_path=(\w+)", options)
    with engine.connect() as connection:
        connection.execute(sa.text("select pg_advisory_lock(hashtext('mlflow store'))"))
        if schema:
            connection.execute(sa.text(f"create schema if not exists {schema[1]}"))
        connection.commit()
        yield
    engine.dispose()
