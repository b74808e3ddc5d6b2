"""One probe at one seed, in a process of its own: reference, candidate, and the reference once more.

The reference runs first, before the candidate's library is even imported, and again afterwards: a
class that the candidate patched and left behind shows as a reference that no longer repeats itself.

    python -m parity.cell SPEC.json FOLDER
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import mlx.core as mx
import numpy as np

from parity.errors import ParityError, UnavailableError
from parity.probe.inputs import read_rows
from parity.probe.values import Arm, ArmName, Probe, Stage, from_plain
from parity.provenance import provenance
from parity.tap import Tap
from parity.trace import Ending, Header, TraceWriter
from parity.trainers.protocol import Job, Provider
from parity.trainers.registry import provider

if TYPE_CHECKING:
    from types import FrameType


def run_cell(probe: Probe, seed: int, folder: Path) -> bool:
    """Writes one trace an arm into `folder`; stops at the first arm that fails.

    Returns:
        Whether all arms are complete. A failed arm's trace says why it ended.

    """
    return all(run_arm(probe, name, seed, folder / f"{name}.jsonl") for name in ArmName)


def run_arm(probe: Probe, name: ArmName, seed: int, path: Path) -> bool:
    """Runs one arm from its seed to its last step and writes its trace.

    Returns:
        Whether it is complete.

    """
    arm = probe.arm(name)
    own = provider(arm.provider)
    borrowed = {stage: provider(lender) for stage, lender in arm.stages.items()}
    header = Header(
        probe=probe.name,
        arm=name,
        seed=seed,
        steps=probe.workload.steps,
        declared={"provider": arm.provider, "stages": dict(arm.stages), "settings": dict(arm.settings)},
        provenance=provenance({d for each in (own, *borrowed.values()) for d in each.distributions}),
    )
    with TraceWriter(path, header) as writer:
        try:
            _train(probe, arm, own, borrowed, seed, writer)
        except UnavailableError as error:
            writer.close(Ending(complete=False, why=str(error), unavailable=True))
            return False
        except Exception as error:  # noqa: BLE001 - a trainer may raise anything; the trace keeps it
            traceback.print_exc()
            writer.close(Ending(complete=False, why=" ".join(f"{type(error).__name__}: {error}".split())))
            return False
        else:
            writer.close(Ending(complete=True))
            return True
        finally:
            gc.collect()
            mx.clear_cache()


def _train(
    probe: Probe, arm: Arm, own: Provider, borrowed: dict[Stage, Provider], seed: int, writer: TraceWriter
) -> None:
    for each in (own, *borrowed.values()):
        each.check_installed()
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        job = Job(
            workload=probe.workload,
            seed=seed,
            settings=arm.settings,
            rows=tuple(read_rows(Path(probe.workload.data))),
            scratch=Path(scratch),
            borrowed=borrowed,
        )
        random.seed(seed)
        np.random.seed(seed)
        mx.random.seed(seed)
        loaded = borrowed.get(Stage.LOAD, own).load(job)
        if arm.settings.get("reseed_after_load", True):
            mx.random.seed(seed)
        borrowed.get(Stage.ADAPT, own).adapt(loaded, job)
        tap = Tap(writer)
        with tap.installed():
            own.train(loaded, job, tap)
        tap.finish(probe.workload.steps)


def _end_with_parent() -> None:
    """Ends this process when the parent is gone, however it went: its end of our stdin closes."""

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt("stopped from outside")


def main() -> int:
    """Reads the specification that `sweep` wrote and runs it; the traces are the answer."""
    spec, folder = Path(sys.argv[1]), Path(sys.argv[2])
    signal.signal(signal.SIGTERM, _interrupted)
    _end_with_parent()
    content = json.loads(spec.read_text(encoding="utf-8"))
    try:
        return 0 if run_cell(from_plain(content["probe"]), content["seed"], folder) else 1
    except ParityError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the cell's log
        return 1


if __name__ == "__main__":
    sys.exit(main())
