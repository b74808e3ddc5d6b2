"""Two MLX trainers, one seed, one process: do they take the same steps?

Each folder answers one question. Data goes one way:

asked        probe      what a probe file says
trained      trainers   providers: one folder a library
             lab        one arm: seeded, trained, recorded by the tap
             canaries   known faults
recorded     trace      what the tap recorded, as files
judged       judge      from traces to the verdict on a cell and on a probe
             golden     what references computed once
             scoreboard which known faults are caught
             gate       a whole run: its sentence and its exit status
run          runner     processes and environments on this machine
kept         store      runs as folders and as results.json
shown        report     terminal, markdown, HTML, JSON, JUnit
             comment    on a pull request
searched     explain    the cause of a divergence
             bisect     the release that brought it
run whole    conduct    from checked probes to a folder that can be judged
in tests     testing    assertions, and probes as tests
spoken to    cli        one command a file

Public are the names below, `parity.testing`, `parity.trainers.protocol` with `parity.errors` for providers, and
`parity.canaries`. `docs/test-your-trainer.md` and `docs/add-a-provider.md` say what follows from that; everything else
may change without notice. A name is imported when it is first used; only `traced` imports MLX.

compare(reference, candidate)   two recordings → a Comparison: verdict, first divergence, delta table
traced(folder)                  a context manager: the training within it, as `parity trace` traces a command
run_probes(paths)               probe files → a ProbeRun: every cell's verdict, and whether all is as expected
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.errors import ExitStatus, ParityError
    from parity.judge.verdict import FirstDivergence
    from parity.lab.tracing import traced
    from parity.probe.values import VerdictKind
    from parity.testing.comparison import Comparison, compare
    from parity.testing.probes import JudgedCell, ProbeRun, run_probes

__all__ = [
    "Comparison",
    "ExitStatus",
    "FirstDivergence",
    "JudgedCell",
    "ParityError",
    "ProbeRun",
    "VerdictKind",
    "__version__",
    "compare",
    "run_probes",
    "traced",
]

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "parity.testing.comparison",
    "ExitStatus": "parity.errors",
    "FirstDivergence": "parity.judge.verdict",
    "JudgedCell": "parity.testing.probes",
    "ParityError": "parity.errors",
    "ProbeRun": "parity.testing.probes",
    "VerdictKind": "parity.probe.values",
    "compare": "parity.testing.comparison",
    "run_probes": "parity.testing.probes",
    "traced": "parity.lab.tracing",
}
"""Where each public name is at home."""


if not TYPE_CHECKING:  # a type checker would take any name for a public one

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'parity' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
