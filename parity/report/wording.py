"""How numbers and places are written in every report."""

from __future__ import annotations

import math
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.gate.result import RunResult
    from parity.judge.blind_spots import BlindSpot
    from parity.judge.columns import Value
    from parity.judge.outcomes import Rates, Shift
    from parity.judge.result import CellResult
    from parity.judge.verdict import FirstDivergence, Verdict

NOTHING = "–"
_SHOWN = 6


def number(value: Value | None) -> str:
    """A float with nine digits, which tell any two float32 apart; text unchanged."""
    if value is None:
        return NOTHING
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def counted(count: int, word: str) -> str:
    """`1 probe`, `2 probes`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def signed(value: float | None) -> str:
    """A delta, with its sign and four digits."""
    return NOTHING if value is None else f"{value:+.4g}".replace("-", "−")


def ulps(count: int | None) -> str:
    """A distance in ULPs."""
    return NOTHING if count is None else f"{count:,}"


def stage_and_step(at: FirstDivergence) -> str:
    """`step 1, stage clip`, as verdicts spell it."""
    return f"step {at.step}, {f'stage {at.stage}' if at.stage else at.metric}"


def place(at: FirstDivergence | None) -> str:
    """`step 1 · clip · clipped_norm`."""
    if at is None:
        return NOTHING
    return " · ".join([f"step {at.step}", *([str(at.stage)] if at.stage else []), at.metric])


def values(at: FirstDivergence | None) -> str:
    """`2.29 → 2.25, Δ −0.04, 170,355 ULPs`, or the tensor that differs."""
    if at is None:
        return ""
    said = _both(at.reference, at.candidate)
    said += "" if at.delta is None else f", Δ {signed(at.delta)}"
    said += "" if at.ulp is None else f", {ulps(at.ulp)} ULPs"
    return said + (f" ({at.detail})" if at.detail else "")


def _both(left: Value, right: Value) -> str:
    """Two values; two tensors by dtype and shape, or by digest where these are equal."""
    (kind, _, digest), (other, _, other_digest) = (number(value).rpartition(" ") for value in (left, right))
    return f"{number(left)} → {other_digest}" if kind == other else f"{kind or digest} → {other or other_digest}"


def loss_gap(cell: CellResult) -> str:
    """The greatest |Δ loss| and where it begins."""
    loss = None if cell.verdict is None else cell.verdict.metrics.get("loss")
    if loss is None or loss.max_abs is None:
        return NOTHING
    said = f"{loss.max_abs:.4g}" + (f"\nfrom step {loss.first_step}" if loss.first_step else "")
    return said + "".join(f"\n{line}" for line in loss_floor(cell))


def loss_floor(cell: CellResult) -> list[str]:
    """Where the reference does not repeat itself: its noise floor, and the largest possible difference of the loss."""
    verdict = cell.verdict
    if verdict is None or "loss" not in verdict.bounds:
        return []
    floor = verdict.noise_floor.get("loss", 0.0)
    return [f"floor {floor:.2g}", f"no difference > {verdict.bounds['loss']:.2g}"]


def blind_spots(spots: Sequence[BlindSpot]) -> str:
    """`order and padding (batch: all 64 rows are equal); dropout (forward: it is 0)`."""
    return "; ".join(str(spot) for spot in spots)


def mark(result: RunResult) -> str:
    """The first character of a page."""
    return "✅" if result.expected else "❔" if result.undecided else "❌"


def noise_lines(result: RunResult) -> list[str]:
    """Whether the device repeats itself, and what "equal" therefore means."""
    verdicts = [cell.verdict for probe in result.probes for cell in probe.cells if cell.verdict is not None]
    noisy = [verdict for verdict in verdicts if not verdict.thresholds.deterministic]
    lines = []
    if len(noisy) < len(verdicts):
        lines.append("The device is deterministic: the noise floor is zero, and equal means bit for bit.")
    if noisy:
        most = max(verdict.repetitions for verdict in noisy)
        lines.append(f"The device is not deterministic: up to {most} repetitions of a reference measure its noise.")
    return lines


def postponed(result: RunResult) -> list[str]:
    """Declared outcomes that are not judged yet, a line a probe."""
    why = "cannot be judged yet: not all seeds are here; merge all shards"
    return [f"{name}: {' and '.join(outcomes)} {why}" for name, outcomes in result.postponed.items()]


def seeds(numbers: Sequence[int]) -> str:
    """`seed 1`, or `seeds 1, 42`."""
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def functions(names: Sequence[str]) -> str:
    """The functions of a file that were executed, outer ones first: `train, evaluate and 3 more`."""
    outer = [name for name in names if "<locals>" not in name]
    more = len(names) - len(outer[:_SHOWN])
    return ", ".join(outer[:_SHOWN]) + (f" and {more} more" if more else "")


def discordant(outcome: Rates | Shift) -> list[str]:
    """The seeds at which the arms differ, by name."""
    named: dict[str, tuple[int, ...]] = {
        "reference": getattr(outcome, "only_reference", ()),
        "candidate": getattr(outcome, "only_candidate", ()),
    }
    return [f"yes in the {arm} only: seeds {', '.join(map(str, seeds))}" for arm, seeds in named.items() if seeds]


def setting(value: object) -> str:
    """A value of a configuration; a list of equal values as the first one and a count."""
    if isinstance(value, list) and len(value) > 2 and all(each == value[0] for each in value):
        return f"{setting(value[:1])} × {len(value)}"
    if isinstance(value, list):
        shown = ", ".join(f"[{setting(each)}]" if isinstance(each, list) else setting(each) for each in value[:_SHOWN])
        return shown + (f", … ({len(value)} in all)" if len(value) > _SHOWN else "")
    return number(value) if isinstance(value, int | float | str) else str(value)


def tolerance(stated: Mapping[str, float]) -> str:
    """What a probe lets differ: ` (loss ±0.03)`, to follow a verdict; empty if it states nothing."""
    return f" ({', '.join(f'{name} ±{number(size)}' for name, size in stated.items())})" if stated else ""


def smallest_tolerance(verdict: Verdict) -> str:
    """The smallest tolerance by metric that would pass: `tokens 4, loss 0.05289`."""
    sizes = {name: summary.max_abs for name, summary in verdict.metrics.items() if summary.max_abs}
    return ", ".join(f"{name} {rounded_up(size)}" for name, size in sizes.items())


def rounded_up(size: float) -> str:
    """Four digits, rounded up, so that the suggested tolerance passes."""
    if not math.isfinite(size):
        return str(size)
    exact = Decimal(size)
    digit = Decimal(1).scaleb(exact.adjusted() - 3)
    return f"{float(exact.quantize(digit, rounding=ROUND_UP)):.4g}"
