"""Goldens as files: found and checked before a run, copied into its folder, compared with its references afterwards.

<folder>/<platform>/<probe folder>-<probe>-<seed>.txt
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.errors import BadGoldenError
from parity.files import is_file, is_folder, read_text
from parity.golden.drift import Checked, drift
from parity.golden.file import golden_name, read_golden
from parity.golden.values import golden_of, machine_of, platform_of
from parity.golden.workload import asked, what_differs
from parity.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from parity.golden.values import Golden
    from parity.probe.values import Probe
    from parity.trace.values import Trace

KEPT = "goldens"
_INDEX = "goldens.json"
_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Goldens:
    """The goldens that a run is compared with."""

    decides: bool
    texts: dict[str, str]
    """By `<platform>/<name>`."""
    passed_over: tuple[str, ...]


NO_GOLDENS = Goldens(decides=False, texts={}, passed_over=())


def find_goldens(folder: Path, probes: Sequence[Probe], *, decides: bool) -> Goldens:
    """Reads the goldens of these probes for this machine and any of its devices.

    Args:
        folder: the folder of all platforms.
        probes: checked probes.
        decides: whether goldens gate the run; if not, a golden that cannot be used is passed over.

    Raises:
        BadGoldenError: one line for each golden that cannot be used, or no such folder; only if goldens decide.

    """
    if decides and not is_folder(folder):
        raise BadGoldenError(f"--golden {folder}: no such folder; `parity record` writes goldens")
    texts: dict[str, str] = {}
    complaints: list[str] = []
    for probe in probes:
        for seed in probe.workload.seeds:
            for path in goldens_of(folder, probe, seed):
                try:
                    check_golden(path, probe, seed)
                    texts[f"{path.parent.name}/{path.name}"] = read_text(path)
                except BadGoldenError as error:
                    complaints.append(str(error))
    if complaints and decides:
        raise BadGoldenError("\nparity: ".join(complaints))
    return Goldens(decides=decides, texts=texts, passed_over=tuple(complaints))


def check_golden(path: Path, probe: Probe, seed: int) -> Golden:
    """Reads the golden of a probe at a seed.

    Raises:
        BadGoldenError: it cannot be read, or was recorded for a different cell or a different workload.

    """
    golden = read_golden(path, platform=path.parent.name, probe=probe.name, seed=seed)
    if otherwise := what_differs(golden.asked, asked(probe)):
        more = f", and {len(otherwise) - _SHOWN} more" if len(otherwise) > _SHOWN else ""
        raise BadGoldenError(
            f"{path}: recorded for a different workload: {', '.join(otherwise[:_SHOWN])}{more}; "
            "run that workload, or replace the golden with `parity record --force`"
        )
    return golden


def keep_goldens(goldens: Goldens, run: Path) -> None:
    """Copies goldens into the folder of a run, which can then be judged again anywhere."""
    for name, text in goldens.texts.items():
        path = run / KEPT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if goldens.texts or goldens.decides or goldens.passed_over:
        index = {"decides": goldens.decides, "passed_over": goldens.passed_over}
        (run / KEPT).mkdir(exist_ok=True)
        (run / KEPT / _INDEX).write_text(json.dumps(index, indent=2), encoding="utf-8")


def kept_goldens(run: Path, probes: Sequence[Probe]) -> Goldens | None:
    """The goldens of these probes that `keep_goldens` copied into a run's folder; None if it copied nothing.

    Raises:
        BadGoldenError: they cannot be read.

    """
    if not (run / KEPT).exists():
        return None
    names = [golden_name(probe.name, seed) for probe in probes for seed in probe.workload.seeds]
    try:
        index = parse_json(read_text(run / KEPT / _INDEX), ours=True)
        decides, passed_over = index["decides"], index["passed_over"]
        if not isinstance(decides, bool) or not isinstance(passed_over, list):
            raise TypeError(index)
        folders = sorted(path for path in (run / KEPT).iterdir() if path.is_dir())
        return Goldens(
            decides=decides,
            texts={
                f"{folder.name}/{name}": read_text(folder / name)
                for folder in folders
                for name in names
                if is_file(folder / name)
            },
            passed_over=tuple(map(str, passed_over)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise BadGoldenError(f"{run / KEPT / _INDEX}: damaged or missing; run it again") from None


def check_run(run: Path, probes: Sequence[Probe], reference: Callable[[Probe, int], Trace | None]) -> Checked | None:
    """Compares the references of a run with the goldens that it kept.

    Args:
        run: the folder of the run.
        probes: the probes of its plan.
        reference: the complete trace of the reference at a seed; None if there is none, which is reported elsewhere.

    Returns:
        None if nobody asked for goldens and there are none.

    Raises:
        BadGoldenError: they cannot be read.

    """
    kept = kept_goldens(run, probes)
    if kept is None:
        return None
    drifts, absent, where = {}, [], ""
    for probe in (each for each in probes if not each.rest_of):
        for seed in probe.workload.seeds:
            trace = reference(probe, seed)
            if trace is None:
                continue
            where = platform_of(trace.header.provenance)
            path = run / KEPT / where / golden_name(probe.name, seed)
            if is_file(path):
                then = read_golden(path, platform=where, probe=probe.name, seed=seed)
                drifts[probe.name, seed] = drift(then, golden_of(trace, then.asked))
            else:
                absent.append((probe.name, seed))
    return Checked(
        decides=kept.decides, platform=where, drifts=drifts, absent=tuple(absent), passed_over=kept.passed_over
    )


def goldens_of(folder: Path, probe: Probe, seed: int) -> Iterator[Path]:
    """The goldens of one cell for this machine and any of its devices."""
    here = machine_of(platform.system(), platform.machine())
    for of_platform in sorted(folder.glob(f"{here}-*")):
        path = of_platform / golden_name(probe.name, seed)
        if is_file(path):
            yield path
