"""The manual names what there is, its links lead somewhere, its example works."""

import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import cli
from assets import keys
from assets.landing.registry import sources_table
from delivery.events import EVENT_SCHEMAS
from delivery.signing import (
    AsymmetricSigner,
    decode_secret,
    generate_private_key,
    generate_secret,
    public_key,
    sign,
)
from orchestration.jobs import all_jobs
from orchestration.schedules import all_schedules
from orchestration.sensors import all_sensors
from settings import ROOT

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home/\w+|Users/\w+|root)/")
_INDEX_HOST = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|(?:artifactory|nexus)\.)")


@cache
def _files() -> list[Path]:
    """What is in the repository, or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git here to tell which files belong to the repository")
    return [
        ROOT / name for name in answer.stdout.splitlines() if (ROOT / name).exists()
    ]


def _pages() -> list[Path]:
    return [path for path in _files() if path.suffix == ".md"]


@cache
def _manual() -> str:
    pages = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    return "\n".join(page.read_text() for page in pages)


def _asset_keys() -> Iterator[str]:
    for value in vars(keys).values():
        if hasattr(value, "to_user_string"):
            yield value.to_user_string()
    models = ROOT / "dbt_project" / "models"
    for path in sorted(models.glob("*/**/*.yml")):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            yield f"{path.relative_to(models).parts[0]}/{model['name']}"


def _commands(group: Any = None, prefix: str = "ausproperty") -> Iterator[str]:
    command = group or typer.main.get_command(cli.app)
    for name, child in command.commands.items():
        if hasattr(child, "commands"):
            yield from _commands(child, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def _unnamed(names: Iterator[str] | list[str]) -> list[str]:
    manual = _manual()
    return [name for name in names if f"`{name}`" not in manual]


def test_every_asset_is_in_the_manual():
    assert len(list(_asset_keys())) > 20
    assert _unnamed(_asset_keys()) == []


def test_the_table_of_sources_is_the_one_in_the_code():
    assert sources_table() in (ROOT / "docs" / "sources.md").read_text()


def test_every_job_schedule_and_sensor_is_in_the_manual():
    things = [*all_jobs, *all_schedules, *all_sensors]
    assert _unnamed([thing.name for thing in things]) == []


def test_every_event_type_is_in_the_manual():
    assert _unnamed(list(EVENT_SCHEMAS)) == []


def test_every_make_target_is_in_the_manual():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    assert "run" in targets
    assert _unnamed([f"make {target}" for target in targets]) == []


def test_every_command_is_in_the_manual():
    operations = (ROOT / "docs" / "operations.md").read_text()
    table = [line for line in operations.splitlines() if line.startswith("| `ausp")]
    root = typer.main.get_command(cli.app)
    groups = {name for name, it in root.commands.items() if hasattr(it, "commands")}
    found: set[str] = set()
    for line in table:
        first, *more = re.findall(r"`([^`]+)`", line.split("|")[1])
        words = first.split()
        depth = 3 if words[1] in groups and len(words) > 2 else 2
        found.add(" ".join(words[:depth]))
        found |= {" ".join([*words[: depth - 1], name]) for name in more}
    assert sorted(set(_commands()) - found) == []


def test_every_link_and_picture_leads_somewhere():
    broken = []
    for page in _pages():
        for target in _LINK.findall(_FENCED.sub("", page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            place = (page.parent / name).resolve() if name else page
            lost = not place.exists()
            if lost or (anchor and anchor not in _anchors(place)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles
    }


def test_every_picture_is_shown_and_small():
    for picture in sorted((ROOT / "docs" / "images").iterdir()):
        assert f"images/{picture.name}" in _manual(), f"{picture.name} is shown nowhere"
        assert picture.stat().st_size < 300_000, f"{picture.name} is too big"


def test_no_file_names_a_machine_or_an_index():
    told = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in _files()
        if path != Path(__file__) and path.suffix != ".png"
        for pattern in (_MACHINE_PATH, _INDEX_HOST)
        if (found := pattern.search(path.read_text(errors="replace")))
    ]
    assert told == []


def test_the_consumers_ten_lines_verify_our_messages():
    page = (ROOT / "docs" / "webhooks.md").read_text()
    example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    secret = generate_secret(secrets.token_bytes)
    seen: dict[str, Any] = {}
    scope: dict[str, Any] = {"remember": seen.__setitem__}
    exec(example.replace("whsec_...", secret), scope)
    body, now = '{"type":"prediction.created","suburb":"é"}'.encode(), int(time.time())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(decode_secret(secret), "evt_1", now, body),
    }
    assert scope["handle"](body, headers) == 204
    assert scope["handle"](body + b" ", headers) == 401
    assert list(seen) == ["evt_1"]


def test_the_consumers_v1a_example_verifies_our_messages():
    page = (ROOT / "docs" / "webhooks.md").read_text()
    example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[1]
    private = generate_private_key(secrets.token_bytes)
    scope: dict[str, Any] = {}
    exec(example.replace("whpk_...", public_key(private)), scope)
    now = int(time.time())
    symmetric = sign(decode_secret(generate_secret(secrets.token_bytes)), "e", now, b"")
    signature = AsymmetricSigner(private).sign("evt_1", now, b"{}")
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": f"{symmetric} {signature}",
    }
    assert scope["is_ours"](b"{}", headers)
    assert not scope["is_ours"](b"{ }", headers)
    assert not scope["is_ours"](b"{}", {**headers, "webhook-id": "evt_2"})
    assert not scope["is_ours"](b"{}", {**headers, "webhook-timestamp": str(now - 400)})


def test_the_example_message_obeys_its_schema():
    from delivery.events import check_body

    page = (ROOT / "docs" / "webhooks.md").read_text()
    example = re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0]
    check_body("prediction.created", example)
