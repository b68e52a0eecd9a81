"""Reading a mapping's YAML, and saying where and how it is wrong.

Belongs here: YAML as people mean it, line numbers, the JSON Schema, and words for its
errors. What a mapping means is `mapping`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from domain.errors import PermanentError

FOLDER = Path(__file__).parents[1] / "mappings"
SCHEMA = FOLDER / "mapping.schema.json"

#: Where in a mapping something is: keys and list positions, from the top.
Place = tuple[str | int, ...]
#: Rules the schema cannot state; each gives (place, what is wrong, fix).
Rule = Callable[[dict[str, Any]], Iterator[tuple[Place, str, str]]]


class _PlainLoader(yaml.SafeLoader):
    """YAML in which only true and false are booleans, and 0800 and dates are text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {}  # type: ignore[misc]


_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false|True|False)$"), list("tfTF")
)
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null",
    re.compile(r"^(?:~|null|Null|NULL|)$"),
    ["~", "n", "N", ""],
)
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9]\d*)$"), list("-+0123456789")
)
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:0|[1-9]\d*)?\.\d+$"),
    list("-+.0123456789"),
)


def read_mapping_file(path: Path, rules: Rule) -> dict[str, Any]:
    """The content of a mapping file, checked; keys are text.

    Raises:
        OSError: it cannot be opened.
        PermanentError: it is no YAML, or breaks the schema or one of `rules`; the
            message names the file, the place, the line, and what to write instead.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, _PlainLoader)
        content = yaml.load(text, _PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise PermanentError(
            f"The mapping {path} is no valid YAML: {where}. Correct that line; names "
            "with `:` or `#` need quotes."
        ) from error
    problem = _first_problem(content, node, rules)
    if problem is not None:
        place, what, fix = problem
        shown = ".".join(map(str, place)) or "the top level"
        line = _line_of(node, place)
        raise PermanentError(
            f"The mapping {path} is wrong at {shown} (line {line}): {what}. {fix}"
        )
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def _first_problem(
    content: Any, node: Any, rules: Rule
) -> tuple[Place, str, str] | None:
    if not isinstance(content, dict):
        return (), "it is not a list of keys", "Begin with `name: my_sales`."
    # Half a second of imports, needed only when a mapping is loaded.
    from jsonschema import Draft202012Validator

    repeated = next(_repeated_keys(node, ()), None)
    if repeated is not None:
        return repeated, f"{repeated[-1]!r} stands here twice", "Remove one of them."
    plain = json.loads(json.dumps(content))
    errors = list(Draft202012Validator(_schema()).iter_errors(plain))
    if errors:
        # The deepest place says most precisely what to change.
        error = min(errors, key=lambda each: (-len(each.absolute_path), str(each)))
        return _in_words(error)
    return next(rules(plain), None)


@cache
def _schema() -> Any:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def _in_words(error: Any) -> tuple[Place, str, str]:
    """Place, what is wrong and fix, for a schema error."""
    place: Place = tuple(error.absolute_path)
    found = error.instance
    see = f"See {SCHEMA.name} beside the shipped mappings."
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = [key for key in found if key not in known]
        near = get_close_matches(unknown[0], known, 1, 0.6)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        what = f"{unknown[0]!r} is not known here"
        return (*place, unknown[0]), what, f"{hint}Known are {', '.join(known)}."
    if error.validator == "enum":
        choices = [str(choice) for choice in error.validator_value]
        near = get_close_matches(str(found), choices, 1, 0.6)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        if "propertyNames" in error.absolute_schema_path:
            # The fault is in the key itself, which no path leads to.
            place = (*place, str(found))
        return place, f"{found!r} is not known", f"{hint}Use {', '.join(choices)}."
    if error.validator == "required":
        lacking = [key for key in error.validator_value if key not in found]
        return place, f"{lacking[0]!r} is missing", f"Add it. {see}"
    if error.validator == "oneOf":
        what = "a column needs exactly one of `from`, `join` and `parts`"
        return place, what, "Name the file's column: `from: [Its Header]`."
    if error.validator == "type":
        wanted = error.validator_value
        names = " or ".join([wanted] if isinstance(wanted, str) else wanted)
        return place, f"{found!r} is not of type {names}", see
    return place, str(error.message), see


def _repeated_keys(node: Any, place: Place) -> Iterator[Place]:
    """Places of keys that stand twice in one mapping: YAML keeps the last, silently."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            here = (*place, str(key.value))
            if key.value in seen:
                yield here
            seen.add(key.value)
            yield from _repeated_keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated_keys(value, (*place, index))


def _line_of(node: Any, place: Place) -> int:
    """Line of the innermost part of `place` that is in the file."""
    line = 1 if node is None else node.start_mark.line + 1
    for step in place:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if str(key.value) == str(step):
                    line = key.start_mark.line + 1
                    found = value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            found = node.value[step] if step < len(node.value) else None
            line = line if found is None else found.start_mark.line + 1
        if found is None:
            return line
        node = found
    return line
