"""Curves as Mermaid's `xychart-beta`, which GitHub draws in a comment, so that no picture has to be hosted.

It has no legend, no logarithmic axis and no gaps in a line. So the title names the lines, the gap is drawn as its
decimal logarithm, and the title says how many points without a number are left out.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from parity.judge.curves import DRAWN, Curve, thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.judge.result import CellResult

_POINTS = 24
"""Steps that can be told apart at the width of a comment."""
_NAMES = {"loss": "loss", "grad_norm": "grad norm"}
_ARMS = "#2563eb, #ea580c"
_GAP = "#7c3aed"


def charts(cell: CellResult) -> tuple[str, ...]:
    """Both arms, and the gap between them, of the first metric that differs; none where none does."""
    for name in DRAWN:
        curve = cell.curves.get(name)
        if curve is not None and any(gap != 0 for gap in curve.gaps):
            return tuple(filter(None, (_arms(_NAMES[name], curve), _gap(_NAMES[name], curve))))
    return ()


def _arms(name: str, curve: Curve) -> str:
    """Empty where no step has a number in both arms."""
    shown = thinned(curve, _POINTS)
    pairs = zip(shown.steps, shown.reference, shown.candidate, strict=True)
    finite = [(step, left, right) for step, left, right in pairs if _is_finite(left) and _is_finite(right)]
    if not finite:
        return ""
    steps, reference, candidate = zip(*finite, strict=True)
    title = f"{name}: reference blue, candidate orange{_left_out(len(shown.steps) - len(finite))}"
    return _chart(title, name, _ARMS, steps, reference, candidate)


def _gap(name: str, curve: Curve) -> str:
    """Empty where no step has a gap that is a number."""
    shown = thinned(curve, _POINTS)
    finite = [(step, gap) for step, gap in zip(shown.steps, shown.gaps, strict=True) if _is_finite(gap)]
    sizes = [gap for _, gap in finite if gap]
    if not sizes:
        return ""
    floor = math.floor(math.log10(min(sizes))) - 1
    logs = [math.log10(gap) if gap else floor for _, gap in finite]
    zero = f", 0 drawn at {floor}" if len(sizes) < len(finite) else ""
    title = f"log10 of the gap in {name}{zero}{_left_out(len(shown.steps) - len(finite))}"
    return _chart(title, "log10", _GAP, [step for step, _ in finite], logs)


def _chart(title: str, axis: str, colours: str, steps: Sequence[int], *lines: Sequence[float]) -> str:
    palette = f"%%{{init: {{'themeVariables': {{'xyChart': {{'plotColorPalette': '{colours}'}}}}}}}}%%"
    drawn = [f"    line [{', '.join(map(_number, line))}]" for line in lines]
    low, high = (limit(value for line in lines for value in line) for limit in (min, max))
    room = (high - low or abs(high) or 1.0) * 0.05
    return "\n".join(
        [
            "```mermaid",
            palette,
            "xychart-beta",
            f'    title "{title}"',
            f'    x-axis "step" [{", ".join(map(str, steps))}]',
            f'    y-axis "{axis}" {_number(low - room)} --> {_number(high + room)}',
            *drawn,
            "```",
        ]
    )


def _number(value: float) -> str:
    """Six digits without an exponent, which Mermaid does not read."""
    return f"{Decimal(f'{value:.6g}'):f}"


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _left_out(count: int) -> str:
    return f" ({count} without a number left out)" if count else ""
