"""Reads a stored run in either form: its folder, or its `results.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.errors import BadResultError, UnreadableError
from parity.files import is_file, read_text
from parity.store.results import read_result
from parity.store.run import read_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from parity.canaries.canary import Canary
    from parity.gate.result import RunResult


def stored(run: Path, find: Callable[[str], Canary]) -> RunResult:
    """Reads a run: a folder is judged again from its traces, a `results.json` is checked.

    Args:
        run: the folder, or a `results.json`.
        find: returns a canary by name; raises BadProbeError if there is none.

    Raises:
        BadTraceError: not the folder of a run, or its schema is a different one.
        BadGoldenError: the goldens that the run kept cannot be read.
        BadResultError: not the results of a run, of a different schema, or contradictory.

    """
    if not is_file(run):
        return read_run(run, find)
    try:
        return read_result(read_text(run), find)
    except UnreadableError as error:
        raise BadResultError(f"{run}: cannot be read ({error})") from None
    except BadResultError as error:
        raise BadResultError(f"{run}: {error}") from None
