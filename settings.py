"""Every setting of the platform, typed, in one place.

Read from environment variables `AUSPROPERTY_<NAME>`, nested ones with two underscores
(`AUSPROPERTY_PORTS__DAGSTER=3001`). Only composition roots (`cli.py`, `orchestration/`,
`assets/` resources) read this; the rooms take arguments. `docs/settings.md` lists all.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).parent

Market = Literal["real", "simulated"]
Environment = Literal["development", "test", "production", "high_load"]


class Ports(BaseModel):
    """Where `ausproperty up` serves, on the loopback address."""

    dagster: int = Field(3000, description="Port of the Dagster UI.")
    mlflow: int = Field(5000, description="Port of the MLflow UI.")
    docs: int = Field(3001, description="Port of Data Docs and dbt docs.")


class Http(BaseModel):
    """How a source's servers are asked; unset fields keep the source's own defaults."""

    retry: Literal["fast", "standard", "aggressive", "none"] | None = Field(
        None, description="Retry policy: `fast`, `standard`, `aggressive` or `none`."
    )
    connect_seconds: float | None = Field(None, gt=0, description="Time to connect.")
    read_seconds: float | None = Field(
        None, gt=0, description="Longest silence between two bytes."
    )
    total_seconds: float | None = Field(
        None, gt=0, description="Time for one request, its body included."
    )
    max_in_flight: int | None = Field(
        None, ge=1, description="Requests in flight at once, over all processes."
    )
    calls_per_minute: float | None = Field(
        None, gt=0, description="Our own limit; keep it below the source's quota."
    )
    stale_hours: float | None = Field(
        None,
        gt=0,
        description="How old the last good snapshot may be while the source is down; "
        "beyond it the freshness check fails and what depends on the source waits.",
    )


class NswValuer(BaseModel):
    """NSW Valuer General property sales information (PSI)."""

    location: str | None = Field(
        None,
        description="Folder, file or listing-page URL that the schedule and the file "
        "sensor read weekly files from. Unset: the source is not pulled.",
    )
    trailing_weeks: int = Field(
        4, ge=1, description="Weeks that a scheduled run reads again for late changes."
    )
    http: Http = Field(default_factory=Http)


class Csv(BaseModel):
    """Sales files read through a column mapping."""

    location: str | None = Field(
        None, description="CSV file, or folder of them, that the schedule reads."
    )
    mapping: str = Field(
        "melbourne", description="Name of a shipped mapping, or path of a YAML file."
    )
    http: Http = Field(default_factory=Http)


class Domain(BaseModel):
    """Domain Group API."""

    base_url: str = Field(
        "https://api.domain.com.au", description="Address of the API."
    )
    token_url: str = Field(
        "https://auth.domain.com.au/v1/connect/token",
        description="Address that gives OAuth2 tokens.",
    )
    client_id: str | None = Field(None, description="OAuth2 client id.")
    client_secret: SecretStr | None = Field(None, description="OAuth2 client secret.")
    client_secret_file: Path | None = Field(
        None, description="File that holds the client secret, instead."
    )
    api_key: SecretStr | None = Field(
        None, description="API key, for projects without OAuth2 credentials."
    )
    api_key_file: Path | None = Field(
        None, description="File that holds the API key, instead."
    )
    searches: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Listing searches to keep up with, in the words of the API. "
        'Example: [{"listingType": "Sale", "locations": [{"state": "NSW"}]}]. '
        "Empty: the source is not pulled.",
    )
    cities: list[str] = Field(
        default_factory=list,
        description='Cities whose auction results are pulled. Example: ["Sydney"].',
    )
    suburbs: list[str] = Field(
        default_factory=list,
        description="Suburbs whose performance is pulled, `STATE/Suburb/postcode`.",
    )
    with_details: bool = Field(
        False, description="Also pull the details of each new or changed listing."
    )
    poll_minutes: int = Field(
        15, ge=1, description="Minutes between two polls for updated listings."
    )
    overlap_minutes: int = Field(
        60, ge=0, description="How far a poll reaches back behind the last one."
    )
    full_sweep_hours: float = Field(
        168,
        gt=0,
        description="How often every listing is read again, which is what notices "
        "those that are gone; between that, only what was updated.",
    )
    calls_per_day: int | None = Field(
        None, ge=1, description="Our own limit a day; unset: the API's headers rule."
    )
    http: Http = Field(default_factory=Http)


class Reaxml(BaseModel):
    """REAXML listing feeds of agencies."""

    drop_folder: Path | None = Field(
        None,
        description="Folder that agencies' files (XML or ZIP) are dropped into; read "
        "files move to its `done/` or `failed/`. Unset: the source is not pulled.",
    )
    settle_seconds: float = Field(
        5, ge=0, description="A file younger than this may still be being written."
    )
    stale_hours: float = Field(
        72,
        gt=0,
        description="How long ago the drop folder may have been read last; beyond it "
        "the freshness check fails and the listing models wait.",
    )


class Reference(BaseModel):
    """Reference sets: a file, folder or URL each. Unset: the set is not pulled."""

    localities: str | None = Field(
        None, description="Postcodes and localities with coordinates and ASGS codes."
    )
    gnaf: str | None = Field(None, description="G-NAF Core (PSV, or its ZIP).")
    nsw_land_values: str | None = Field(None, description="NSW bulk land values.")
    seifa: str | None = Field(None, description="ABS SEIFA indexes.")
    cash_rate: str | None = Field(None, description="RBA cash rate target.")
    price_index: str | None = Field(
        None, description="ABS residential property price indexes."
    )
    vic_suburb_medians: str | None = Field(
        None, description="Victorian median prices by suburb."
    )
    nsw_suburb_medians: str | None = Field(
        None, description="NSW price quantiles by suburb or postcode."
    )
    http: Http = Field(default_factory=Http)


class Quarantine(BaseModel):
    """What is refused, and when that is too much."""

    max_reject_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of a file's records that may be refused before its asset "
        "check fails.",
    )


class Quality(BaseModel):
    """When silence of a source is worth a look."""

    quiet_days: dict[str, float] = Field(
        default_factory=dict,
        description="Days that a source may bring nothing new before "
        "`new_data_keeps_coming` warns, by source, in place of its own. Example: "
        '{"reaxml": 3}.',
    )


class Model(BaseModel):
    """Valuation model training and review."""

    seed: int = Field(
        20_010_101, description="Seed of every random choice in training."
    )
    threads: int = Field(2, ge=1, description="Threads that training may use.")
    equity_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the repair of vertical equity that estimates get, 0 to "
        "1. Unset: as little as brings PRB and VEI into IAAO's ranges for a quarter "
        "of a point of MdAPE.",
    )
    feedback_weight: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Share of feedback's correction that training takes: sales weigh "
        "more where later prices missed intervals too often. 0: all weigh the same.",
    )


class Serving(BaseModel):
    """Connections that answer questions; unset fields follow the environment."""

    pool_min: int | None = Field(
        None,
        ge=1,
        description="Connections a pool keeps. Unset: 2 in `development`, 1 in `test`, "
        "5 in `production`, 10 in `high_load`.",
    )
    pool_max: int | None = Field(
        None,
        ge=1,
        description="Connections a pool grows to. Unset: 5 in `development` and "
        "`test`, 20 in `production`, 40 in `high_load`.",
    )
    statement_seconds: float | None = Field(
        None,
        ge=0,
        description="The server ends a statement that takes longer; 0: never. Unset: "
        "30 in `development`, 10 in `test` and `production`, 5 in `high_load`.",
    )
    idle_in_transaction_seconds: float | None = Field(
        None,
        ge=0,
        description="The server ends a connection that leaves a transaction open "
        "longer; 0: never. Unset: 60 in `development`, 10 in `test` and `high_load`, "
        "30 in `production`.",
    )
    lock_seconds: float | None = Field(
        None,
        ge=0,
        description="The server ends a statement that waits longer for a lock; 0: "
        "never. Unset: 10 in `development` and `test`, 5 in `production`, 2 in "
        "`high_load`.",
    )

    @model_validator(mode="after")
    def _pool_can_grow(self) -> Serving:
        if self.pool_min and self.pool_max and self.pool_min > self.pool_max:
            raise ValueError(
                f"pool_min ({self.pool_min}) is more than pool_max ({self.pool_max})"
            )
        return self

    def in_environment(self, environment: Environment) -> Serving:
        """With the environment's value wherever none is set."""
        own = self.model_dump(exclude_none=True)
        return Serving.model_validate({**_SERVING[environment], **own})


#: What `Serving` leaves open, by environment.
_SERVING: dict[str, dict[str, float]] = {
    name: dict(zip(Serving.model_fields, values, strict=True))
    for name, values in {
        "development": (2, 5, 30, 60, 10),
        "test": (1, 5, 10, 10, 10),
        "production": (5, 20, 10, 30, 5),
        "high_load": (10, 40, 5, 10, 2),
    }.items()
}


class Delivery(BaseModel):
    """Webhook delivery."""

    concurrency: int = Field(
        64, ge=1, description="Requests in flight at once, over all endpoints."
    )
    per_endpoint: int = Field(
        64, ge=1, description="Requests in flight at once to any one endpoint."
    )
    connect_seconds: float = Field(5, gt=0, description="Time to connect.")
    total_seconds: float = Field(
        15, gt=0, description="Time for a whole attempt, response body included."
    )
    allow_networks: list[str] = Field(
        default_factory=list,
        description="Private networks (CIDR) that endpoints may lie in; public "
        'addresses always may. Example: ["127.0.0.0/8"].',
    )
    master_keys: SecretStr | None = Field(
        None,
        description="Keys that seal endpoints' secrets in the database, newest first, "
        "with commas or as a JSON list; each 32 random bytes in base64 for URLs. "
        "Unset: a file `delivery.keys` made in the home, except in `production` and "
        "`high_load`, which refuse.",
    )

    @property
    def master_key_list(self) -> list[str]:
        """The master keys one by one, newest first."""
        written = self.master_keys.get_secret_value() if self.master_keys else ""
        for mark in '[]"':
            written = written.replace(mark, " ")
        return [key for part in written.split(",") if (key := part.strip())]


class Settings(BaseSettings):
    """The platform's settings; see the module docstring for how they are read."""

    model_config = SettingsConfigDict(
        env_prefix="AUSPROPERTY_", env_nested_delimiter="__", extra="ignore"
    )

    home: Path = Field(
        ROOT / ".ausproperty",
        description="Folder of all local state; `.ausproperty` in the checkout.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL to use, `postgresql://user:password@host:port/database`."
        " Unset: the embedded server.",
    )
    postgres_bin: Path | None = Field(
        None,
        description="Directory of PostgreSQL programs for the embedded server. Unset: "
        "those of the Python environment, else the system's.",
    )
    market: Market | None = Field(
        None,
        description="Which market's database the commands work on: `real` or "
        "`simulated`. Unset: the one of the last run in this home.",
    )
    environment: Environment = Field(
        "development",
        description="In `development` a model that passes its gates is approved "
        "without a person, and says so; in `production`, `high_load` and `test` it "
        "waits for a reviewer. Pools and timeouts are sized by it.",
    )
    ports: Ports = Field(default_factory=Ports)
    nsw_valuer: NswValuer = Field(default_factory=NswValuer)
    csv: Csv = Field(default_factory=Csv)
    domain: Domain = Field(default_factory=Domain)
    reaxml: Reaxml = Field(default_factory=Reaxml)
    reference: Reference = Field(default_factory=Reference)
    quarantine: Quarantine = Field(default_factory=Quarantine)
    quality: Quality = Field(default_factory=Quality)
    model: Model = Field(default_factory=Model)
    delivery: Delivery = Field(default_factory=Delivery)
    serving: Serving = Field(default_factory=Serving)

    @cached_property
    def active_market(self) -> Market:
        """The market in force: the setting, else the last run's, else `real`."""
        if self.market is not None:
            return self.market
        try:
            remembered = self.market_file.read_text().strip()
        except OSError:
            return "real"
        return "simulated" if remembered == "simulated" else "real"

    @property
    def market_file(self) -> Path:
        """Remembers which market the last run of this home worked on."""
        return self.home.absolute() / "market"

    @property
    def postgres_folder(self) -> Path:
        """Data, log and state of the embedded server."""
        return self.home.absolute() / "postgres"

    @property
    def market_folder(self) -> Path:
        """Local state of the active market: Dagster home, model files, landing zone."""
        return self.home.absolute() / self.active_market

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder."""
        return self.market_folder / "dagster"

    @property
    def artifacts_folder(self) -> Path:
        """MLflow artifacts."""
        return self.market_folder / "mlflow"

    @property
    def landing_folder(self) -> Path:
        """Files as downloaded."""
        return self.market_folder / "landing"

    @property
    def database_name(self) -> str:
        """Database of the active market on the embedded server."""
        if self.active_market == "simulated":
            return "ausproperty_simulated"
        return "ausproperty"
