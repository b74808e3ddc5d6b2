"""The command of an arm: what a probe file says of it, and its words for one cell."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parity.errors import BadProbeError, nearest, shortened
from parity.probe.values import Arm, dotted

if TYPE_CHECKING:
    from parity.probe.values import Workload

COMMAND = "command"
"""The provider of an arm that is a command."""

OF_A_PROVIDER = ("provider", "stages", "settings", "keywords")
OF_A_COMMAND = ("command", "python", "directory")
"""The keys of an arm that only the one or the other has."""

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
_OF_A_CELL = ("seed", "out")


def complete_command(side: str, arm: dict[str, Any]) -> None:
    """Fills in the provider of an arm that is a command.

    Args:
        side: `reference` or `candidate`.
        arm: its table of a probe file; changed in place.

    Raises:
        BadProbeError: it has a provider, or something that only a provider reads.

    """
    if arm.get("command") == [] or (arm.get("provider") == COMMAND and "command" not in arm):
        raise BadProbeError(f"{side}.command is missing: the program that is traced, and its arguments")
    if "command" not in arm:
        for key in OF_A_COMMAND:
            if key in arm:
                raise BadProbeError(f"{side}.{key} goes with {side}.command")
        return
    for key in OF_A_PROVIDER:
        if key in arm:
            raise BadProbeError(f"{side}.{key}: an arm that is a command has no {key}; write it into the command")
    arm["provider"] = COMMAND


def check_command(side: str, arm: Arm, workload: Workload) -> None:
    """Checks the placeholders of a command.

    Raises:
        BadProbeError: a placeholder does not exist, or several seeds would be trained alike.

    """
    known = {*_OF_A_CELL, *_values(workload)}
    used = {name for word in arm.command for name in _PLACEHOLDER.findall(word)}
    for name in sorted(used - known):
        raise BadProbeError(f"{side}.command: unknown placeholder {{{shortened(name)}}}; {nearest(name, known)}")
    if arm.command and "seed" not in used and len(workload.seeds) > 1:
        raise BadProbeError(
            f"{side}.command: without {{seed}} its {len(workload.seeds)} seeds are trained alike; "
            "write {seed} where the command takes it, or ask for one seed"
        )


def saves(arm: Arm) -> bool:
    """Whether an arm saves where we look for it: a provider does, and a command that is told `{out}`."""
    return not arm.command or any("{out}" in word for word in arm.command)


def words(arm: Arm, workload: Workload, seed: int, out: str) -> list[str]:
    """The command of one cell, its placeholders filled in: `{steps}`, `{lora.rank}`, `{seed}`, `{out}`.

    Args:
        arm: whose command it is.
        workload: of the arm.
        seed: of the cell.
        out: the folder that the arm may write to.

    """
    values = {**_values(workload), "seed": str(seed), "out": out}
    return [_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in arm.command]


def _values(workload: Workload) -> dict[str, str]:
    """Every key of the workload that is one value, by dotted name."""
    plain = dotted(asdict(workload))
    return {name: str(value) for name, value in plain.items() if isinstance(value, bool | int | float | str)}
