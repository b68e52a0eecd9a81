"""Every setting is documented, typed, and read from the environment."""

import re
from pathlib import Path

from pydantic import BaseModel

from settings import ROOT, Settings

DOCUMENT = ROOT / "docs" / "settings.md"


def _variables(model: type[BaseModel], prefix: str) -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += _variables(kind, f"{variable}__")
        else:
            names.append(variable)
    return names


def test_every_setting_is_documented_and_nothing_else_is():
    documented = set(re.findall(r"`(AUSPROPERTY_[A-Z_]+)`", DOCUMENT.read_text()))
    assert documented == set(_variables(Settings, "AUSPROPERTY_"))


def test_documented_meaning_is_the_one_in_the_code():
    text = DOCUMENT.read_text()
    for name, field in Settings.model_fields.items():
        if field.description:
            assert field.description in text, f"meaning of {name} differs"


def test_nested_settings_come_from_two_underscores(monkeypatch):
    monkeypatch.setenv("AUSPROPERTY_PORTS__DAGSTER", "3111")
    assert Settings().ports.dagster == 3111


def test_active_market_is_that_of_the_last_run(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.delenv("AUSPROPERTY_MARKET", raising=False)
    assert Settings().active_market == "real"
    (tmp_path / "market").write_text("simulated")
    assert Settings().active_market == "simulated"
    assert Settings().database_name != Settings(market="real").database_name


def test_password_of_the_database_shows_in_no_repr(monkeypatch):
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", "postgresql://u:s3cret@h/db")
    assert "s3cret" not in repr(Settings())
