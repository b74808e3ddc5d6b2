"""Reads probe files: TOML in, checked values out."""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from parity.errors import BadProbeError, nearest
from parity.metrics import METRICS, SIZED_METRICS
from parity.probe.inputs import check_inputs, check_tokenizer
from parity.probe.schema import ProbeSchema
from parity.probe.sources import check_sources, resolved
from parity.probe.values import OUTCOMES, Probe, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

_ADAPTER = TypeAdapter(ProbeSchema)
_PATHS = ("model", "data")
_SIDES = ("reference", "candidate")
_MEASURED_BY = {"completion_loss": "completion", "contains": "contains"}
_OUTCOME_KINDS = (VerdictKind.IDENTICAL, VerdictKind.DIVERGED, VerdictKind.INCONCLUSIVE)
_SHARED = ("seeds", "steps")


def read_probe(path: Path, overrides: Sequence[str] = ()) -> Probe:
    """Reads, merges and checks one probe file.

    Args:
        path: the TOML file; it overrides the files that it `extends`, table by table.
        overrides: `key.key=value` strings with a TOML value; they override the files.

    Raises:
        BadProbeError: one line that names the file, the key and the nearest valid one.

    """
    tree = _read_tree(path, above=())
    for override in overrides:
        _merge(tree, _override(override))
    tree |= {"name": _name(path), "file": str(path), "overrides": list(overrides)}
    _complete_arms(tree, path)
    try:
        probe = _ADAPTER.validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        raise BadProbeError(f"{path}: {_explain(error.errors()[0])}") from None
    try:
        _check(probe)
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
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not files:
            raise BadProbeError(f"{path}: no probes (*.toml) in this folder")
        found += [file for file in files if file not in found]
    return found


def _name(path: Path) -> str:
    absolute = path.resolve()
    return f"{absolute.parent.name or 'probes'}/{absolute.stem}"


def _read_tree(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    resolved = path.resolve()
    if resolved in above:
        raise BadProbeError(f"{above[0]}: extends itself ({' → '.join(p.name for p in (*above, resolved))})")
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadProbeError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except tomllib.TOMLDecodeError as error:
        raise BadProbeError(f"{path}: not TOML ({error})") from None
    _resolve_paths(own, path)
    merged: dict[str, Any] = {}
    for base in _bases(own.pop("extends", []), path):
        _merge(merged, _read_tree(base, above=(*above, resolved)))
    _merge(merged, own)
    return merged


def _bases(extends: object, path: Path) -> list[Path]:
    names = [extends] if isinstance(extends, str) else extends
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadProbeError(f"{path}: extends must be a file name or a list of file names, relative to this file")
    bases = [path.parent / name for name in names]
    for base in bases:
        if not base.is_file():
            raise BadProbeError(f"{path}: extends: {base} does not exist")
    return bases


def _resolve_paths(tree: dict[str, Any], path: Path) -> None:
    """A path is relative to the file that contains it, whichever file extends that one."""
    if isinstance(environment := tree.get("environment"), dict):
        tree["environment"] = resolved(environment, path.parent)
    tables = [tree, *(table for side in _SIDES if isinstance(table := tree.get(side), dict))]
    for workload in (found for table in tables if isinstance(found := table.get("workload"), dict)):
        for key in _PATHS:
            value = workload.get(key)
            if isinstance(value, str) and (
                key == "data" or value.startswith((".", "/")) or (path.parent / value).is_dir()
            ):
                workload[key] = str((path.parent / value).resolve())


def _merge(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _merge(under[key], value)
        else:
            under[key] = value


def _complete_arms(tree: dict[str, Any], path: Path) -> None:
    """An arm states only what it does differently; this fills in the rest of the workload."""
    shared = tree.get("workload")
    for side, arm in ((side, arm) for side in _SIDES if isinstance(arm := tree.get(side), dict)):
        own = arm.get("workload")
        if not isinstance(own, dict) or not isinstance(shared, dict):
            continue
        for key in _SHARED:
            if key in own:
                raise BadProbeError(f"{path}: {side}.workload.{key}: both arms share it; set it under [workload]")
        whole = deepcopy(shared)
        _merge(whole, own)
        arm["workload"] = whole


def _override(text: str) -> dict[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise BadProbeError(f"--set {text}: write it as key.key=value")
    try:
        tree = tomllib.loads(f"{key}={value}")
    except tomllib.TOMLDecodeError:
        try:
            tree = tomllib.loads(f"{key}={json.dumps(value.strip())}")
        except tomllib.TOMLDecodeError as error:
            raise BadProbeError(f"--set {text}: {error}") from None
    _resolve_paths(tree, Path("here"))
    return tree


def _check(probe: Probe) -> None:
    _check_expectation(probe)
    check_sources(probe.environment)
    seeds = probe.workload.seeds
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise BadProbeError(f"workload.seeds: {seed} is listed twice; each seed is one cell")
    reference, candidate = probe.reference.workload, probe.candidate.workload
    workloads = {"workload": probe.workload, "reference.workload": reference, "candidate.workload": candidate}
    for where, workload in workloads.items():
        if workload is not None:
            check_inputs(workload, where)
            if probe.outcomes is not None:
                check_tokenizer(workload)


def _check_expectation(probe: Probe) -> None:
    expect = probe.expect
    if expect.verdict in {VerdictKind.INVALID, VerdictKind.NOT_RUN}:
        raise BadProbeError("expect.verdict: 'invalid' and 'not run' cannot be expected")
    differs = expect.verdict in {VerdictKind.DIVERGED, VerdictKind.WITHIN}
    if not differs and (expect.stage, expect.step) != (None, None):
        raise BadProbeError(
            f"expect.stage and expect.step go with verdict 'diverged' or 'within', not {str(expect.verdict)!r}"
        )
    for key, what, names, valid in (
        ("expect.equal", "metric", expect.equal, METRICS),
        ("tolerance", "metric", probe.tolerance, SIZED_METRICS),
        ("expect.outcomes", "outcome", expect.outcomes, OUTCOMES),
    ):
        for name in names:
            if name not in valid:
                raise BadProbeError(f"{key}: unknown {what} {name!r}; {nearest(name, valid)}")
    for name, kind in expect.outcomes.items():
        if kind not in _OUTCOME_KINDS:
            kinds = ", ".join(repr(str(each)) for each in _OUTCOME_KINDS)
            raise BadProbeError(f"expect.outcomes.{name}: must be one of {kinds}, not {str(kind)!r}")
        if probe.outcomes is None or not asdict(probe.outcomes).get(_MEASURED_BY.get(name, "prompt")):
            raise BadProbeError(f"expect.outcomes.{name}: this probe does not measure it; ask for it under [outcomes]")


def _explain(error: ErrorDetails) -> str:
    """One pydantic error as one sentence that names the key and the nearest valid one."""
    keys = [str(part) for part in error["loc"] if part not in {"bool", "int", "float", "str"}]
    where = ".".join(keys)
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"unknown key {where!r}; {nearest(keys[-1], _valid_keys(keys[:-1]))}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{where!r} is missing; this probe, or a file that it extends, must set it"
        case "enum":
            valid = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            word = keys[-2] if keys[-1] == "[key]" else str(error["input"])
            return f"{where.removesuffix('.[key]')}: unknown {word!r}; {nearest(word, valid)}"
        case "string_pattern_mismatch":
            return (
                f'{where}: must be a release, such as "2026.5.3", or a path, such as "./checkout", '
                f"not {error['input']!r}"
            )
        case "too_short":
            return f"{where}: must have at least {error['ctx']['min_length']}, not {error['input']!r}"
        case _:
            said = error["msg"].removeprefix("Input ").replace("should", "must")
            return f"{where}: {said}, not {error['input']!r}"


def _valid_keys(keys: Sequence[str]) -> list[str]:
    """The keys of the table that these keys lead to."""
    table: Any = ProbeSchema
    for key in keys:
        hint = get_type_hints(table).get(key)
        table = next((kind for kind in get_args(hint) if is_dataclass(kind)), hint)
    names = [f.name for f in fields(table)] if is_dataclass(table) else []
    return [name for name in names if name not in {"name", "file", "overrides"}]
