"""Values that unit tests start from; each call names what it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity.judge.control import Controlled, ControlStatus
from parity.judge.curves import Curve
from parity.judge.diff import Recording
from parity.judge.result import CellResult, ProbeResult
from parity.judge.verdict import FirstDivergence, MetricSummary, Thresholds, Verdict
from parity.metrics import METRICS, SIZED_METRICS, Stage
from parity.probe.values import Arm, Expectation, Probe, VerdictKind, Workload
from parity.trace.values import End, Ending, Header, Start, Step, Tensor, Trace


def step(number: int, **changed: Any) -> Step:
    made = Step(
        step=number,
        found=f"{number - 1:016x}",
        batch="00000000000000aa",
        loss=0.5 + number,
        tokens=108,
        grad_norm=2.25,
        gradient="00000000000000bb",
        clipped_norm=2.25,
        clipped="00000000000000bb",
        lr=0.0010000000474974513,
        counter=number,
        params=f"{number:016x}",
        reported={"loss": 0.5 + number},
    )
    return replace(made, **changed)


HEADER = Header(
    probe="current/self",
    arm="reference",
    seed=42,
    steps=3,
    declared={"provider": "mlx-lm"},
    provenance={
        "python": "3.11.7",
        "platform": "Linux",
        "system": "Linux",
        "machine": "x86_64",
        "libc": "glibc 2.36",
        "compiler": "g++ 12.2.0",
        "device": {"type": "cpu", "deterministic": True, "name": "a processor"},
        "versions": {"mlx": "0.32.4"},
    },
)
START = Start(
    loaded={"model.norm.weight": Tensor(dtype="bfloat16", shape=(64,), digest="11")},
    base={"model.norm.weight": Tensor(dtype="bfloat16", shape=(64,), digest="11")},
    trainable={"q_proj.lora_a": Tensor(dtype="float32", shape=(64, 8), digest="22")},
    effective={"optimizer.class": "AdamW", "lora.layers": 16},
    ignored=(),
)
DONE = Ending(complete=True)
TRAINED = {"q_proj.lora_a": Tensor(dtype="float32", shape=(64, 8), digest="33")}
END = End(
    base=START.base,
    trainable=TRAINED,
    traced=2,
    modules={"q_proj.scale": "2.0"},
    saved=TRAINED,
    saved_settings={"rank": "8", "scale": "2.0"},
)


SAME_CONTROL = Controlled(status=ControlStatus.SAME, said="same final parameters")


def trace(*steps: Step, **changed: Any) -> Trace:
    made = Trace(
        header=HEADER,
        start=START,
        steps=steps or tuple(step(number) for number in (1, 2, 3)),
        end=END,
        ending=DONE,
    )
    return replace(made, **changed)


def losses(*values: float, first: int = 1, **changed: Any) -> Recording:
    rows = tuple((index, {"loss": value}) for index, value in enumerate(values, start=first))
    return replace(Recording(rows=rows), **changed)


PROBE = Probe(
    name="current/self",
    question="Is it the same?",
    workload=Workload(model="/model", data="/data", seeds=(1, 42)),
    reference=Arm(provider="mlx-lm"),
    candidate=Arm(provider="mlx-lm-train"),
    expect=Expectation(verdict=VerdictKind.IDENTICAL),
)


def divergence(
    step: int = 1, stage: Stage = Stage.CLIP, metric: str = "clipped_norm", **changed: Any
) -> FirstDivergence:
    made = FirstDivergence(
        step=step, stage=stage, metric=metric, reference=2.5, candidate=2.25, delta=-0.25, ulp=1_048_576, detail=""
    )
    return replace(made, **changed)


def verdict(kind: VerdictKind, at: FirstDivergence | None = None, reason: str = "because") -> Verdict:
    loss = MetricSummary(
        max_abs=0.0 if at is None else 0.25,
        max_ulp=0,
        first_step=None if at is None else at.step,
        unequal=0,
        compared=3,
    )
    return Verdict(
        kind=kind,
        reason=reason,
        first_divergence=at,
        metrics={"loss": loss},
        noise_floor={},
        problems=(),
        thresholds=Thresholds(),
    )


def cell(seed: int, kind: VerdictKind = VerdictKind.IDENTICAL, at: FirstDivergence | None = None) -> CellResult:
    return CellResult(seed=seed, steps=3, verdict=verdict(kind, at))


def probe_result(*cells: CellResult, **changed: Any) -> ProbeResult:
    return ProbeResult(probe=replace(PROBE, **changed), cells=cells)


def judged(seed: int, at: FirstDivergence | None = None, *, steps: int = 30) -> CellResult:
    """A cell that a run could have ended with: every metric was compared, and those from the divergence on differ."""
    names = list(METRICS)
    differing = names[names.index(at.metric) :] if at is not None and at.metric in METRICS else []
    metrics = {name: _summary(name, at if name in differing else None, steps) for name in names}
    unequal = steps + 1 - max(at.step, 1) if at is not None else 0
    numbers = tuple(range(1, steps + 1))
    losses_of_reference = tuple(6.0 - number / 8 for number in numbers)
    gap = 0.25 if "loss" in differing else 0.0
    curve = Curve(
        steps=numbers,
        reference=losses_of_reference,
        candidate=tuple(
            value + (gap if number > steps - unequal else 0.0)
            for number, value in zip(numbers, losses_of_reference, strict=True)
        ),
    )
    return CellResult(
        seed=seed,
        steps=steps,
        verdict=Verdict(
            kind=VerdictKind.IDENTICAL if at is None else VerdictKind.DIVERGED,
            reason="bit for bit" if at is None else f"from step {at.step}, stage {at.stage}",
            first_divergence=at,
            metrics=metrics,
            noise_floor={},
            problems=(),
            thresholds=Thresholds(),
            repetitions=1,
        ),
        curves={"loss": curve},
        provenance=HEADER.provenance,
    )


def _summary(name: str, at: FirstDivergence | None, steps: int) -> MetricSummary:
    """Of a metric that differs from a divergence on, or never."""
    sized, per_step = name in SIZED_METRICS, METRICS[name].per_step
    far = 0.0 if at is None else abs(at.delta) if name == at.metric and at.delta is not None else 0.25
    ulp = 0 if at is None else at.ulp if name == at.metric else 1_048_576
    first = None if at is None else at.step
    if first is not None and (per_step or METRICS[name].at_end):
        first = max(first, 1) if per_step else steps
    last = steps if not METRICS[name].of_next else steps - 1
    if first is not None and per_step and first > last:
        first, far, ulp = None, 0.0, 0
    return MetricSummary(
        max_abs=far if sized else None,
        max_ulp=ulp if sized and name not in {"tokens", "counter"} else None,
        first_step=first,
        unequal=0 if first is None else last + 1 - first if per_step else 1,
        compared=last if per_step else 1,
    )


def probe_of(name: str, *cells: CellResult, **changed: Any) -> ProbeResult:
    """A probe of this name over the seeds of its cells."""
    workload = replace(PROBE.workload, seeds=tuple(cell.seed for cell in cells))
    return ProbeResult(probe=replace(PROBE, name=name, workload=workload, **changed), cells=cells)


EXPLANATION: dict[str, Any] = {
    "probe": "b/other",
    "seed": 1,
    "summary": "The arms diverge at step 1.",
    "evidence": [{"factor": "clip, alone", "diverges_at": "step 1", "lines": ["a bound of 1"], "measured": None}],
    "ignored": [],
    "steps": {"summary": "Faulty by themselves: steps 1–30.", "lines": [["1", "a", "b"]]},
    "causes": [
        {"stages": ["clip"], "lines": ["clip: x"], "restores": "identical", "alone": [{"diverges_at": "step 1"}]}
    ],
    "ruled_out": [{"stages": ["batch"], "still": "diverged"}],
    "effective": [],
    "runs": 8,
}
"""As `parity.explain.report.explanation_tree` makes one, of the probe `b/other`."""


PRINTED = """\
Loading pretrained model
Starting training..., iters: 3
Iter 1: Val loss 2.865, Val took 4.123s
Iter 1: Train loss 2.123, Learning Rate 1.000e-05, It/sec 0.512, Tokens/sec 100.1, Trained Tokens 108, Peak mem 2.1 GB
Iter 2: Train loss 2.023, Learning Rate 9.000e-06, It/sec 0.512, Tokens/sec 100.1, Trained Tokens 200, Peak mem 2.1 GB
Iter 2: Saved adapter weights to adapters.safetensors and 0000002_adapters.safetensors.
Iter 3: Val loss 2.765, Val took 4.123s
Iter 3: Train loss 1.923, Learning Rate 8.000e-06, It/sec 0.512, Tokens/sec 100.1, Trained Tokens 308, Peak mem 2.1 GB
Saved final weights to adapters.safetensors.
"""
"""As `mlx_lm.lora --iters 3 --steps-per-report 1 --steps-per-eval 3 --save-every 2` prints it."""
