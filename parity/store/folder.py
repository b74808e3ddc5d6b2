"""Makes the folder of a run and writes its plan. Nothing is overwritten."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from parity.errors import ParityError, UnreadableError, shortened
from parity.files import check_path
from parity.store.plan import NOTHING, Plan, Promised, write_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.judge.blind_spots import BlindSpot
    from parity.probe.shard import Shard
    from parity.probe.values import Probe

LATEST = "latest"


REPORTS = Path("reports")


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Raises ParityError if the folder that `--out` names cannot be written."""
    try:
        yield
    except OSError as error:
        raise ParityError(f"{run}: cannot be written ({error.strerror}); name another folder with --out") from None


def new_run(
    out: Path | None,
    probes: Sequence[Probe],
    blind: Mapping[str, tuple[BlindSpot, ...]],
    *,
    not_run: Mapping[str, str] = MappingProxyType({}),
    models: Mapping[str, str] = MappingProxyType({}),
    promised: Promised = NOTHING,
    inputs: Mapping[str, str] = MappingProxyType({}),
    shard: Shard | None = None,
) -> Path:
    """Makes the folder of a run and writes its plan.

    Args:
        out: a new or empty folder; None: `reports/<time>`, with `reports/latest` pointing at it.
        probes: those that will be run, and those of other shards.
        blind: by probe name, the blind spots of its workload.
        not_run: by probe name, why no cell of it will be started.
        models: by hub id, the commit that was found.
        promised: what a pass rests on in addition to its cells.
        inputs: by path, the digest of what its cells read.
        shard: which share of the cells will be run; None: all.

    Raises:
        ParityError: `out` is not empty, or cannot be made.

    """
    with writing(out or REPORTS):
        run = _by_time() if out is None else out
    check_out(run)
    with writing(run):
        run.mkdir(parents=True, exist_ok=True)
        plan = Plan(
            probes=tuple(probes),
            blind_spots=blind,
            not_run=not_run,
            models=models,
            promised=promised,
            inputs=inputs,
            shard=shard,
        )
        write_plan(run, plan)
    if out is None:
        _point(REPORTS / LATEST, run)
    return run


def check_out(out: Path) -> None:
    """Raises ParityError if what `--out` names is not empty, or not a folder."""
    try:
        check_path(out)
    except UnreadableError as error:
        raise ParityError(f"--out {shortened(out)}: {error}; name another folder") from None
    with writing(out):
        if out.is_dir():
            if any(out.iterdir()):
                raise ParityError(f"--out {out}: not empty; name a new folder, nothing is overwritten")
        elif out.is_symlink() or out.exists():
            raise ParityError(f"--out {out}: not a folder; name a new one, nothing is overwritten")


def _by_time() -> Path:
    """Makes a folder named by the time, also for two runs in the same second."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    for number in count(1):
        run = REPORTS / (stamp if number == 1 else f"{stamp}-{number}")
        with suppress(FileExistsError):
            run.mkdir(parents=True)
            break
    return run


def _point(link: Path, run: Path) -> None:
    """Moves the link in one step: a reader finds the old run or the new one."""
    if link.exists() and not link.is_symlink():
        raise ParityError(f"{link}: not a link that parity made; move it away, nothing is overwritten")
    fresh = link.with_name(f".{link.name}-{run.name}")
    fresh.symlink_to(run.name, target_is_directory=True)
    fresh.replace(link)
