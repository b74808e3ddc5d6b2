"""Reads probe files: TOML in, checked values out."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from parity.errors import BadProbeError, UnreadableError, nearest, shortened
from parity.files import LARGEST_PROBE, is_folder, is_there, read_text
from parity.files import resolved as absolute
from parity.parsing import parse_toml
from parity.probe.checks import check_whole
from parity.probe.command import OF_A_COMMAND, OF_A_PROVIDER, complete_command
from parity.probe.resources import ResourceKind, is_resource, resource
from parity.probe.schema import ProbeSchema
from parity.probe.sources import resolved
from parity.probe.values import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

_ADAPTER = TypeAdapter(ProbeSchema)
_PATHS = {"model": ResourceKind.MODEL, "data": ResourceKind.DATA}
_SIDES = ("reference", "candidate")
_SHARED = ("seeds", "steps")
_GIVEN = {"name", "file", "overrides", "rest_of"}
"""Fields of a probe that no file sets."""
_LONGEST_CHAIN = 20
"""Files that extend one another in a row."""


def read_probe(path: Path, overrides: Sequence[str] = ()) -> Probe:
    """Reads, merges and checks one probe file.

    Args:
        path: the TOML file; it overrides the files that it `extends`, table by table.
        overrides: `key.key=value` strings with a TOML value; they override the files.

    Raises:
        BadProbeError: one line that names the file, the key and the nearest valid one.

    """
    tree = _Reader().tree(path, above=())
    for override in overrides:
        _over(tree, _override(override))
    tree |= {"name": _name(path), "file": str(path), "overrides": list(overrides)}
    try:
        _complete_arms(tree)
    except BadProbeError as error:
        raise BadProbeError(f"{path}: {error}") from None
    try:
        probe = _ADAPTER.validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        raise BadProbeError(f"{path}: {_explain(error.errors()[0])}") from None
    try:
        check_whole(probe)
    except BadProbeError as error:
        raise BadProbeError(f"{path}: {error}") from None
    return cast("Probe", probe)


def find_probes(paths: Sequence[Path]) -> list[Path]:
    """The probe files that are named or lie directly in a folder; subfolders are not searched.

    Raises:
        BadProbeError: a folder without probes.

    """
    found: list[Path] = []
    for path in paths:
        files = sorted(path.glob("*.toml")) if is_folder(path) else [path]
        if not files:
            raise BadProbeError(f"{path}: no probes (*.toml) in this folder")
        found += [file for file in files if file not in found]
    return found


def is_part(path: Path) -> bool:
    """Whether a file only sets what others extend: neither it nor what it extends asks or expects anything."""
    try:
        tree = _Reader().tree(path, above=())
    except BadProbeError:
        return False  # `read_probe` says what is wrong with it
    return not tree.keys() & {"question", "expect"}


def _name(path: Path) -> str:
    found = path.resolve()
    return f"{found.parent.name or 'probes'}/{found.stem}"


class _Reader:
    """Reads a probe and what it extends, each file once, however often it is extended."""

    def __init__(self) -> None:
        self._read: dict[Path, dict[str, Any]] = {}

    def tree(self, path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
        """What a file says with all that it extends; `above` are the files that extend it."""
        try:
            here = absolute(path)
        except UnreadableError as error:
            raise BadProbeError(f"{shortened(path)}: cannot be read ({error})") from None
        if here in above:
            raise BadProbeError(f"{above[0]}: extends itself ({' → '.join(p.name for p in (*above, here))})")
        if len(above) >= _LONGEST_CHAIN:
            raise BadProbeError(f"{above[0]}: extends a file that extends a file, and so on; {_LONGEST_CHAIN} may")
        if here not in self._read:
            self._read[here] = self._merged(path, (*above, here))
        return deepcopy(self._read[here])

    def _merged(self, path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
        own = _own(path)
        merged: dict[str, Any] = {}
        for base in _bases(own.pop("extends", []), path):
            _over(merged, self.tree(base, above))
        _over(merged, own)
        return merged


def _own(path: Path) -> dict[str, Any]:
    try:
        text = read_text(path, largest=LARGEST_PROBE)
    except UnreadableError as error:
        raise BadProbeError(f"{path}: cannot be read ({error})") from None
    try:
        own = parse_toml(text)
    except UnreadableError as error:
        raise BadProbeError(f"{path}: not TOML ({error})") from None
    if taken := sorted(_GIVEN & own.keys()):
        raise BadProbeError(f"{path}: unknown key {taken[0]!r}; {nearest(taken[0], _valid_keys([]))}")
    _resolve_paths(own, path.parent, str(path))
    return own


def _bases(extends: object, path: Path) -> list[Path]:
    names = [extends] if isinstance(extends, str) else extends
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadProbeError(f"{path}: extends must be a file name or a list of file names, relative to this file")
    try:
        bases = [resource(ResourceKind.WORKLOAD, name) if is_resource(name) else path.parent / name for name in names]
    except BadProbeError as error:
        raise BadProbeError(f"{path}: extends: {error}") from None
    for base in bases:
        if not is_there(base):
            raise BadProbeError(f"{path}: extends: {shortened(base)} does not exist")
    return bases


def _resolve_paths(tree: dict[str, Any], folder: Path, where: str) -> None:
    """A path is relative to the folder of the file that contains it, whichever file extends that one.

    Raises:
        BadProbeError: no file can have this path; the message begins with `where`.

    """
    if isinstance(environment := tree.get("environment"), dict):
        try:
            tree["environment"] = resolved(environment, folder)
        except UnreadableError as error:
            raise BadProbeError(f"{where}: environment: {error}") from None
    for side in _SIDES:
        if isinstance(arm := tree.get(side), dict):
            _resolve_arm(arm, folder, f"{where}: {side}")
    tables = [tree, *(table for side in _SIDES if isinstance(table := tree.get(side), dict))]
    for workload in (found for table in tables if isinstance(found := table.get("workload"), dict)):
        for key, kind in _PATHS.items():
            value = workload.get(key)
            if isinstance(value, str):
                try:
                    workload[key] = _absolute(value, folder, kind)
                except (BadProbeError, UnreadableError) as error:
                    raise BadProbeError(f"{where}: workload.{key}: {error}") from None


def _resolve_arm(arm: dict[str, Any], folder: Path, where: str) -> None:
    """A command runs in the folder of the file that states it, with the Python that this file names."""
    if "command" in arm:
        arm.setdefault("directory", ".")
    for key in ("python", "directory"):
        if isinstance(value := arm.get(key), str):
            try:
                arm[key] = str((folder / value).absolute()) if key == "python" else str(absolute(folder / value))
            except UnreadableError as error:
                raise BadProbeError(f"{where}.{key}: {error}") from None


def _over(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Puts a file, or a `--set`, over what it extends; a command replaces a provider, and a provider a command."""
    for side in _SIDES:
        mine, theirs = over.get(side), under.get(side)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for key in OF_A_PROVIDER if "command" in mine else OF_A_COMMAND if "provider" in mine else ():
                theirs.pop(key, None)
    _merge(under, over)


def _absolute(value: str, folder: Path, kind: ResourceKind) -> str:
    """The path of a model or a data set; a model that is no path is a hub id and stays one."""
    if is_resource(value):
        return str(absolute(resource(kind, value)))
    is_path = kind is ResourceKind.DATA or value.startswith((".", "/")) or is_folder(folder / value)
    return str(absolute(folder / value)) if is_path else value


def _merge(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _merge(under[key], value)
        else:
            under[key] = value


def _complete_arms(tree: dict[str, Any]) -> None:
    """An arm states only what it does differently; this fills in the rest of the workload."""
    shared = tree.get("workload")
    for side in _SIDES:
        if isinstance(arm := tree.get(side), dict):
            complete_command(side, arm)
    for side, arm in ((side, arm) for side in _SIDES if isinstance(arm := tree.get(side), dict)):
        own = arm.get("workload")
        if not isinstance(own, dict) or not isinstance(shared, dict):
            continue
        for key in _SHARED:
            if key in own:
                raise BadProbeError(f"{side}.workload.{key}: both arms share it; set it under [workload]")
        whole = deepcopy(shared)
        _merge(whole, own)
        arm["workload"] = whole


def _override(text: str) -> dict[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise BadProbeError(f"--set {shortened(text)}: write it as key.key=value")
    try:
        tree = parse_toml(f"{key}={value}")
    except UnreadableError:
        try:
            tree = parse_toml(f"{key}={json.dumps(value.strip())}")
        except UnreadableError as error:
            raise BadProbeError(f"--set {shortened(text)}: {error}") from None
    _resolve_paths(tree, Path(), f"--set {shortened(text)}")
    return tree


def _explain(error: ErrorDetails) -> str:
    """One pydantic error as one sentence that names the key and the nearest valid one."""
    keys = [shortened(part) for part in error["loc"] if part not in {"bool", "int", "float", "str"}]
    where = ".".join(keys)
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"unknown key {where!r}; {nearest(keys[-1], _valid_keys(keys[:-1]))}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{where!r} is missing; this probe, or a file that it extends, must set it"
        case "enum":
            valid = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            word = shortened(keys[-2] if keys[-1] == "[key]" else error["input"])
            return f"{where.removesuffix('.[key]')}: unknown {word!r}; {nearest(word, valid)}"
        case "string_pattern_mismatch":
            return (
                f'{where}: must be a release, such as "2026.5.3", or a path, such as "./checkout", not {_quoted(error)}'
            )
        case "too_short":
            return f"{where}: must have at least {error['ctx']['min_length']}, not {_quoted(error)}"
        case "too_long":
            return f"{where}: must have at most {error['ctx']['max_length']:,}, not {len(error['input']):,}"
        case _:
            said = error["msg"].removeprefix("Input ").replace("should", "must")
            return f"{where}: {said}, not {_quoted(error)}"


def _quoted(error: ErrorDetails) -> str:
    return shortened(repr(error["input"]))


def _valid_keys(keys: Sequence[str]) -> list[str]:
    """The keys of the table that these keys lead to."""
    table: Any = ProbeSchema
    for key in keys:
        hint = get_type_hints(table).get(key)
        table = next((kind for kind in get_args(hint) if is_dataclass(kind)), hint)
    names = [f.name for f in fields(table)] if is_dataclass(table) else []
    return [name for name in names if name not in _GIVEN]
