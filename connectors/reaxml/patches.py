"""A listing's elements as a patch: flat paths, values as received, and their readings.

Belongs here: what counts as one place of a listing, what clears it, what its text
means. Applying them in order is the warehouse's part (`stg_reaxml__versions`); judging
whole records is `parse`.

A path names elements by `/`, attributes by `@`, and one of several by `[id]`:
`features/bedrooms`, `price@display`, `images/img[m]`. A value replaces what older
records said at its path and below; null clears both. An element that a record repeats
is replaced with its attributes, so a unit never outlives its number. Only `@display`
stays until it is said again: what was withheld is not published by an omission.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from connectors.reaxml import values
from connectors.reaxml.listings import Node
from connectors.reaxml.vocabulary import (
    ALIASES,
    KEYED_BY,
    KNOWN_PATHS,
    LISTS,
    LONG_TEXTS,
    UNITS,
    VALUES_OR_RANGES,
    meaning,
    without_ids,
)
from domain.australia import phone_e164, postcode_text, state_code

Value = str | list[str] | None
#: Values longer than this are text, whatever their element (characters).
_READABLE = 200
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Note:
    """Something odd that refuses nothing: rule, path, and the text if there is one."""

    rule: str
    field: str
    value: str | None = None


@dataclass(slots=True)
class Patch:
    """What one record says of a listing.

    `values` holds text (a list for repeated elements) or None by path, `readings` what
    the text means where that is known: numbers, booleans, ISO dates, small objects.
    """

    values: dict[str, Value] = field(default_factory=dict)
    readings: dict[str, object] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


_HEAD = ("agentID", "uniqueID")


def build_patch(root: Node) -> Patch:
    """The patch of a listing element, without its ids, modTime and status."""
    patch = Patch()
    _walk(root, "", patch.values, top=True)
    for path, value in patch.values.items():
        if value is not None:
            _read(path, value, patch)
    return patch


def plain_text(node: Node | None) -> str:
    """An element's text with blanks collapsed; empty for none."""
    return " ".join(node.text.split()) if node is not None else ""


def _walk(parent: Node, prefix: str, out: dict[str, Value], top: bool = False) -> None:
    counts: dict[str, int] = {}
    for child in parent.children:
        counts[child.name] = counts.get(child.name, 0) + 1
    seen: dict[str, int] = {}
    children = parent.children
    if counts.get("rent", 0) > 1:
        children = sorted(children, key=_is_other_than_weekly_rent)
    for child in children:
        name = child.name
        if top and name in _HEAD:
            continue
        seen[name] = seen.get(name, 0) + 1
        if name in LISTS or (counts[name] > 1 and _is_plain(child)):
            _append(out, ALIASES.get(prefix + name, prefix + name), child)
        else:
            _put(child, _place(child, prefix, seen[name], counts[name]), out)


def _is_other_than_weekly_rent(node: Node) -> bool:
    """Sorts a rent by the week before those of other periods: the first is the rent."""
    period = node.attributes.get("period", "week").lower()
    return node.name == "rent" and not period.startswith("week")


def _is_plain(node: Node) -> bool:
    return not node.children and not node.attributes and node.name not in KEYED_BY


def _place(node: Node, prefix: str, nth: int, count: int) -> str:
    """Path of an element; repeated ones without an id are told apart by number."""
    path = prefix + node.name
    path = ALIASES.get(path, path)
    key = KEYED_BY.get(node.name)
    if key is None:
        return path if nth == 1 else f"{path}[{nth}]"
    named = _NOT_IN_IDS.sub("_", node.attributes.get(key, "").strip().lower())[:40]
    if named:
        return f"{path}[{named}]"
    if node.name == "telephone":
        return path if nth == 1 else f"{path}[{nth}]"
    is_empty = not node.children and not node.text.strip()
    return path if count == 1 and is_empty else f"{path}[{nth}]"


def _append(out: dict[str, Value], path: str, node: Node) -> None:
    text = plain_text(node)
    known = out.get(path)
    if isinstance(known, list):
        if text:
            known.append(text)
    else:
        out[path] = [text] if text else out.get(path)


def _put(node: Node, path: str, out: dict[str, Value]) -> None:
    """Write one element, its attributes and what is below it."""
    attributes = node.attributes
    if attributes:
        key = KEYED_BY.get(node.name)
        attributes = {k: v.strip() for k, v in attributes.items() if k != key}
    if unit := UNITS.get(node.name):
        named = (attributes.get(name, "") for name in unit)
        main = next((value for value in named if value), None) or _own_text(node)
        out[path] = main or None
        if not main:
            return
        attributes = {k: v for k, v in attributes.items() if v != main or k == "file"}
    elif not node.children:
        text = _own_text(node)
        if text:
            out[path] = text
        elif not any(value for name, value in attributes.items() if name != "display"):
            out.setdefault(path, None)
    elif name_of := _agent_name(node):
        out[path] = name_of
    elif node.name in VALUES_OR_RANGES:
        out[path] = _own_text(node) or None
    for name, value in attributes.items():
        out[f"{path}@{name}"] = value or None
    if node.children:
        _walk(node, f"{path}/", out)


def _agent_name(node: Node) -> str | None:
    """An agent given with a name is another person: nothing of the former stays."""
    if node.name != "listingAgent":
        return None
    named = next((child for child in node.children if child.name == "name"), None)
    return plain_text(named) or None


def _own_text(node: Node) -> str:
    text = node.text.replace("\xa0", " ").strip()
    return text if node.name in LONG_TEXTS else " ".join(text.split())


def _read(path: str, value: str | list[str], patch: Patch) -> None:
    """Add the reading of one value, or a note that it cannot be read."""
    kind = meaning(path)
    if kind == "text":
        return
    if isinstance(value, list):
        if kind == "times":
            times = [values.read_inspection(text[:_READABLE]) for text in value]
            patch.readings[path] = [time for time in times if time is not None]
            missed = [t for t, time in zip(value, times, strict=True) if time is None]
            patch.notes += [Note("value_unreadable", path, t[:100]) for t in missed]
            return
        value = value[0]
    reading = _reading(kind, value, path, patch) if len(value) <= _READABLE else None
    if reading is not None and reading != {}:
        patch.readings[path] = reading
    elif without_ids(path) in KNOWN_PATHS and not (
        kind in ("area", "length", "money", "rent") and _is_zero(value)
    ):
        patch.notes.append(Note("value_unreadable", path, value[:100]))


def _is_zero(text: str) -> bool:
    number = values.read_number(text.lstrip("$ "))
    return number == 0


def _reading(kind: str, text: str, path: str, patch: Patch) -> object:
    match kind:
        case "area":
            return values.read_area(text, _attribute(patch, path, "unit"))
        case "length":
            return values.read_length(text, _attribute(patch, path, "unit"))
        case "money":
            return values.read_money(text)
        case "rent":
            return values.read_rent(text, _attribute(patch, path, "period"))
        case "date":
            found = values.read_time(text)
            return found.isoformat() if found else None
        case "display":
            return values.read_display(text)
        case "state":
            return state_code(text)
        case "postcode":
            return postcode_text(text)
        case "street":
            is_sub = without_ids(path).endswith("subNumber")
            return (values.read_sub_number if is_sub else values.read_street_number)(
                text
            )
        case "phone":
            return phone_e164(text)
        case "flag":
            return values.read_flag(text)
        case "count":
            return values.read_count(text)
        case _:
            return values.read_number(text)


def _attribute(patch: Patch, path: str, name: str) -> str | None:
    found = patch.values.get(f"{path}@{name}")
    return found if isinstance(found, str) else None
