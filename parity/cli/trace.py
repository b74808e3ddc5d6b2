"""`parity trace`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import ExitStatus, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.trace.values import Trace


@click.command(
    "trace",
    short_help="Trace a training command as it is.",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
)
@click.option("--out", required=True, metavar="DIR", help="Gets the trace; must hold none yet.")
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="End the command after N updates, with status 0."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def trace_command(out: str, steps: int | None, command: tuple[str, ...]) -> None:
    """Run a command and trace whatever trains in it: parity trace --out run -- mlx_lm.lora --config lora.yaml.

    The command needs nothing but MLX and numpy in its environment. It trains the same bits as without; its input,
    output and exit status are its own, and nothing that parity does makes it fail.
    """
    from parity.judge.alarms import alarms
    from parity.trainers.command.traced import run_traced

    found = run_traced(command, Path(out), steps)
    for path, trace in found.traces.items():
        click.echo(f"parity: {path}: {'; '.join(_said(trace))}", err=True)
        for alarm in alarms(trace):
            click.echo(f"parity: {path}: alarm: {alarm}", err=True)
    if found.why:
        click.echo(f"parity: {shortened(' '.join(command), longest=60)}: nothing was traced: {found.why}", err=True)
    raise SystemExit(found.status or (ExitStatus.EXPECTED if found.traces else ExitStatus.UNDECIDED))


def _said(trace: Trace) -> Iterator[str]:
    count = len(trace.steps)
    yield f"{count} step{'s' if count != 1 else ''}"
    if blind := trace.unseen:
        yield f"not seen: {', '.join(f'{name} ({why})' for name, why in blind.items())}"
    if not trace.ending.complete:
        yield f"not to its end: {shortened(trace.ending.why)}"
