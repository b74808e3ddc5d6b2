"""Reads shards, which are folders from other machines and not to be trusted, and copies them into one run.

A plan names probes, and their names are folders: whatever the plan says, nothing outside of a shard is read or written.
"""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from parity.errors import BadTraceError, ParityError, UnreadableError
from parity.files import is_file, is_folder, read_first_line
from parity.golden.folder import KEPT, NO_GOLDENS, Goldens, keep_goldens, kept_goldens
from parity.parsing import parse_json
from parity.probe.schema import check, complaint
from parity.probe.shard import cells_of, dealt
from parity.probe.values import BOTH_ARMS
from parity.scoreboard.sample import FOLDER as CANARIES
from parity.store.folder import check_out, writing
from parity.store.merge import Stored
from parity.store.plan import PLAN, read_plan, write_plan
from parity.store.run import INTERRUPTED, RESULTS, explanation_folder
from parity.trace.cell import cell_parts, has_ended, trace_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.gate.result import RunResult
    from parity.probe.values import Probe
    from parity.store.plan import Plan

_PART = re.compile(r"[A-Za-z0-9._-]+")


def read_stored(folder: Path) -> Stored:
    """Reads a shard; from its traces it reads only where they were recorded.

    Args:
        folder: the folder of its run, or one that holds this folder and no other run, as a downloaded artifact does.

    Raises:
        BadTraceError: not the folder of a run.
        ParityError: not a shard, interrupted, or it contains something that a shard does not have.

    """
    run = _run_in(folder)
    _files(run, PLAN)
    plan = read_plan(run)
    if plan.shard is None:
        raise ParityError(f"{run}: a whole run, not a shard: there is nothing to merge; `parity report` judges it")
    if _lies(run / INTERRUPTED):
        raise ParityError(f"{run}: {plan.shard} was interrupted; run it again")
    for probe in plan.probes:
        _check_probe(run, probe)
    if len(set(every := cells_of(plan.probes))) < len(every):
        raise BadTraceError(f"{run}: its {PLAN} has the same cell twice")
    try:
        own = plan.own
    except ParityError as error:
        raise BadTraceError(f"{run}: {error}") from None
    cells = {cell: run.joinpath(*cell_parts(*cell)) for cell in dealt(plan.probes, plan.shard)}
    ended = [cell for cell, at in cells.items() if _files(run, *cell_parts(*cell)) and has_ended(at)]
    _files(run, KEPT)
    return Stored(
        folder=run,
        plan=plan,
        shard=plan.shard,
        provenance={cell: tuple(_provenance(cells[cell])) for cell in ended},
        incomplete=tuple(cell for cell in cells if cell not in ended and cell[0] not in plan.not_run),
        ended=bool(_files(run, RESULTS)),
        goldens=kept_goldens(run, own) or NO_GOLDENS,
    )


def copy_shards(shards: Sequence[Stored], plan: Plan, out: Path) -> None:
    """Copies the cells of all shards into one run; its plan is written last, when everything else is complete.

    Raises:
        ParityError: `out` is not empty or cannot be written, or a shard contains a link.

    """
    check_out(out)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for each in shards:
            for cell in each.provenance:
                _copy(each.folder, out, *cell_parts(*cell))
            if each.shard.number == 1:
                _copy(each.folder, out, CANARIES)
        keep_goldens(_together([each.goldens for each in shards]), out)
        write_plan(out, plan)


def copy_explanations(shards: Sequence[Stored], result: RunResult, out: Path) -> None:
    """Copies the explanations of unexpected divergences, as a run that was not divided would have them.

    Raises:
        ParityError: `out` cannot be written, or a shard contains a link.

    """
    with writing(out):
        for each in result.probes:
            cell = (each.probe.name, each.unexpected_divergence)
            for stored in (stored for stored in shards if cell in stored.provenance):
                _copy(stored.folder, out, *explanation_folder(Path(), each.probe).parts)


def _run_in(folder: Path) -> Path:
    if is_file(folder / PLAN) or not is_folder(folder):
        return folder
    runs = [path for path in sorted(folder.iterdir()) if not path.is_symlink() and is_file(path / PLAN)]
    if len(runs) > 1:
        raise ParityError(f"{folder}: holds {len(runs)} runs, {runs[0].name} and {runs[1].name} among them; name one")
    return runs[0] if runs else folder


def _check_probe(run: Path, probe: Probe) -> None:
    """Raises BadTraceError if no probe file could have put this probe into a plan, or if its name leads elsewhere."""
    parts = str(probe.name).split("/")
    if not all(_PART.fullmatch(part) and part not in {".", ".."} for part in parts):
        raise BadTraceError(
            f"{run}: its {PLAN} names a probe {str(probe.name)!r}; a name consists of letters, digits, '.', '_' and "
            "'-', and must not lead out of the folder"
        )
    try:
        check(probe)
    except ValidationError as error:
        raise BadTraceError(f"{run}: its {PLAN} has an invalid probe {probe.name} ({complaint(error)})") from None


def _provenance(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Where the traces of a cell were recorded; a trace that cannot be read is left out, and the verdict says so."""
    for arm in BOTH_ARMS:
        try:
            found = parse_json(read_first_line(trace_path(folder, arm)), ours=True)["provenance"]
        except (UnreadableError, KeyError, TypeError):
            continue
        if not isinstance(found, dict) or not _says_where(found):
            raise BadTraceError(f"{trace_path(folder, arm)}: its header does not say where it was recorded")
        yield found


def _says_where(provenance: Mapping[str, Any]) -> bool:
    """Whether it has everything that reports print."""
    device = provenance.get("device")
    texts = [provenance.get(name) for name in ("parity", "python", "platform", "system", "machine")]
    if not isinstance(device, dict) or not isinstance(provenance.get("versions"), dict):
        return False
    return all(isinstance(text, str) for text in (*texts, device.get("type"), device.get("name")))


def _together(kept: Sequence[Goldens]) -> Goldens:
    return Goldens(
        decides=any(each.decides for each in kept),
        texts={name: text for each in kept for name, text in each.texts.items()},
        passed_over=tuple(dict.fromkeys(line for each in kept for line in each.passed_over)),
    )


def _copy(run: Path, out: Path, *parts: str) -> None:
    for file in _files(run, *parts):
        target = out / file.relative_to(run)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target, follow_symlinks=False)


def _files(run: Path, *parts: str) -> list[Path]:
    """The files below a folder of a run, or the file itself; empty if it does not exist.

    Raises:
        ParityError: on the way or below, there is a link, or something that is neither a file nor a folder.

    """
    at = run
    for name in "/".join(parts).split("/"):
        at /= name
        if not _lies(at):
            return []
        _check_plain(at)
    return list(_below(at))


def _below(at: Path) -> Iterator[Path]:
    _check_plain(at)
    if at.is_dir():
        for path in sorted(at.iterdir()):
            yield from _below(path)
    else:
        yield at


def _check_plain(at: Path) -> None:
    mode = at.lstat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
        raise ParityError(f"{at}: {what}; a shard has only files and folders, and nothing outside of it is read")


def _lies(path: Path) -> bool:
    """Whether something is there, even a link that leads nowhere."""
    try:
        path.lstat()
    except OSError:
        return False
    return True
