"""The tap records what happens, and changes nothing."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
import pytest
from mlx import nn
from mlx.utils import tree_map

from parity.lab.fingerprint import leaves, tensor
from parity.lab.replay.observer import Observer
from parity.lab.rows import TapError
from parity.lab.tap import Tap
from parity.metrics import Stage
from parity.probe.inputs import read_rows
from parity.probe.values import Lora, Optimizer, Workload
from parity.trace.file import TraceWriter, read_trace
from parity.trainers.mlx_lm.stages import MlxLmStages
from parity.trainers.protocol import Job
from parity.trainers.registry import provider
from tests.integration.small import small
from tests.unit import made

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXTURES = Path(__file__).parents[2] / "fixtures"
HEADER = replace(made.HEADER, probe="p", seed=7)
WORKLOAD = Workload(
    model=str(small().with_name("model")),
    data=str(FIXTURES / "data" / "varied"),
    seeds=(7,),
    steps=3,
    batch_size=2,
    lora=Lora(layers=4),
)


class Untapped:
    def end_of_step(self, _reported: Mapping[str, float | None]) -> None:
        pass


def train(name: str, folder: Path, tap: Any, workload: Workload = WORKLOAD, **settings: Any) -> dict[str, object]:
    """Trains one arm from its seed; returns the digests of the trainable parameters it ends with."""
    own, rows = provider(name), tuple(read_rows(Path(workload.data)))
    job = Job(
        workload=workload,
        seed=7,
        settings=settings,
        rows=rows,
        scratch=folder,
        stages=dict.fromkeys(Stage, own),
    )
    loader = provider("mlx-lm")
    random.seed(7)
    np.random.seed(7)
    mx.random.seed(7)
    loaded = loader.load(job)
    mx.random.seed(7)
    loader.adapt(loaded, job)
    with tap.installed() if isinstance(tap, Tap) else nullcontext():
        own.train(loaded, job, tap)
    return {name: tensor(leaf) for name, leaf in leaves(loaded.model.trainable_parameters()).items()}


Bare = Callable[[str, Workload], "dict[str, object]"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """What a trainer ends with when nobody looks; each is trained once."""

    @cache
    def trained(name: str, workload: Workload) -> dict[str, object]:
        return train(name, tmp_path_factory.mktemp("bare"), Untapped(), workload)

    return trained


@pytest.mark.parametrize("name", ["mlx-lm", "mlx-lm-train", "unsloth-zoo"])
@pytest.mark.filterwarnings("ignore")
def test_the_tap_changes_nothing(tmp_path: Path, name: str, bare: Bare) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={})
        tapped = train(name, tmp_path, tap)
        tap.finish(3)
    assert len(tapped) == 56
    assert tapped == bare(name, WORKLOAD)


ACCUMULATED = replace(WORKLOAD, accumulation=3)


@pytest.mark.parametrize("workload", [WORKLOAD, ACCUMULATED])
@pytest.mark.parametrize("compiled", [True, False])
def test_an_optimizer_of_several_is_recorded_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workload: Workload, *, compiled: bool
) -> None:
    def two(_self: object, _loaded: object, _job: Job, rate: Any) -> optim.MultiOptimizer:
        return optim.MultiOptimizer([optim.AdamW(rate), optim.SGD(rate)], [lambda name, _: "q_proj" in name])

    monkeypatch.setattr(MlxLmStages, "optimizer", two)
    asked = replace(workload, compile=compiled)
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={}, passes=workload.accumulation)
        tapped = train("mlx-lm", tmp_path, tap, asked)
        tap.finish(3)
    trace = read_trace(tmp_path / "t.jsonl")
    assert [row.step for row in trace.steps] == [1, 2, 3]
    assert tapped == train("mlx-lm", tmp_path, Untapped(), asked)
    assert trace.start is not None
    classes = {name: value for name, value in trace.start.effective.items() if name.endswith("class")}
    assert classes == {
        "optimizer.class": "MultiOptimizer",
        "optimizer.0.class": "AdamW",
        "optimizer.1.class": "SGD",
    }


@pytest.mark.parametrize("before", [True, False])
def test_a_name_of_the_librarys_own_goes_to_the_tap_of_its_arm_alone(tmp_path: Path, *, before: bool) -> None:
    """`from mlx.nn import value_and_grad` in a library, imported before an arm trains or while the first one does."""
    library = ModuleType("a_library")
    own = nn.value_and_grad
    if before:
        vars(library)["bound"] = own
    sys.modules["a_library"] = library
    try:
        for arm in ("first", "second"):
            with TraceWriter(tmp_path / f"{arm}.jsonl", HEADER) as writer:
                tap = Tap(writer, loaded={})
                with tap.installed():
                    vars(library).setdefault("bound", nn.value_and_grad)
                    _one_step(library.bound, tap)
                tap.finish(1)
            assert library.bound is own
            assert len(read_trace(tmp_path / f"{arm}.jsonl").steps) == 1
    finally:
        del sys.modules["a_library"]


def _one_step(value_and_grad: Any, tap: Tap) -> None:
    model, optimizer = nn.Linear(2, 2), optim.SGD(0.1)
    step = value_and_grad(model, lambda model, batch: (model(batch).sum(), mx.array(2)))
    _, gradient = step(model, mx.ones((2, 2)))
    optimizer.update(model, gradient)
    mx.eval(model.state, optimizer.state)
    tap.end_of_step({})


class Whole(Observer):
    """Asks for whole tensors of every step, and checks that they are those that the row is of."""

    whole = True
    seen = 0

    def after_step(self, step: int, model: Any, optimizer: Any, whole: Mapping[str, Any]) -> None:
        assert whole["logits"].shape[0] == whole["batch"][0].shape[0]
        now = {name: tensor(leaf) for name, leaf in leaves(model.trainable_parameters()).items()}
        assert {name: tensor(leaf) for name, leaf in whole["params"].items()} == now
        assert whole["gradient"].keys() == whole["received"].keys() == now.keys()
        assert optimizer.step.item() == step
        self.seen += 1


@pytest.mark.parametrize("workload", [replace(WORKLOAD, steps=2), replace(WORKLOAD, steps=2, accumulation=2)])
@pytest.mark.parametrize("name", ["mlx-lm", "mlx-lm-train", "unsloth-zoo"])
@pytest.mark.filterwarnings("ignore")
def test_keeping_whole_tensors_changes_nothing(tmp_path: Path, name: str, workload: Workload, bare: Bare) -> None:
    whole = Whole()
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={}, passes=workload.accumulation, observers=[whole])
        tapped = train(name, tmp_path, tap, workload)
        tap.finish(2)
    assert (tapped, whole.seen) == (bare(name, workload), 2)


@pytest.mark.parametrize("name", ["mlx-lm", "mlx-lm-train", "unsloth-zoo"])
@pytest.mark.filterwarnings("ignore")
def test_the_tap_changes_nothing_where_an_update_takes_several_passes(tmp_path: Path, name: str, bare: Bare) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={}, passes=3, weighs_tokens=name == "unsloth-zoo")
        tapped = train(name, tmp_path, tap, ACCUMULATED)
        tap.finish(3)
    assert tapped == bare(name, ACCUMULATED)
    for step in read_trace(tmp_path / "t.jsonl").steps:
        assert step.grad_norm == pytest.approx(step.clipped_norm, rel=1e-5) or name == "unsloth-zoo"
        if name == "unsloth-zoo":  # it reports the mean over targets, mlx-lm that over passes
            assert step.loss == pytest.approx(step.reported["loss"], rel=1e-6)
        else:
            assert step.loss != step.reported["loss"]


def test_an_update_of_fewer_passes_than_asked_for_is_an_error(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={}, passes=3)
        train("mlx-lm", tmp_path, tap, replace(WORKLOAD, accumulation=2))
        with pytest.raises(TapError, match="update 1 took 2 passes, the workload asks for 3"):
            tap.finish(3)


def test_an_optimizer_from_before_training_is_followed_over_passes(tmp_path: Path) -> None:
    """The passes are of one compiled function, the update of another: neither knows of the other."""
    model, optimizer = nn.Linear(2, 2), optim.SGD(0.1)
    mx.eval(model.parameters())
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={}, passes=2)
        with tap.installed():
            passing = nn.value_and_grad(model, lambda x: (model(x).sum(), mx.array(1)))
            state = [model.state, optimizer.state]
            step = mx.compile(passing, inputs=model.state, outputs=model.state)
            update = mx.compile(lambda gradient: optimizer.update(model, gradient), inputs=state, outputs=state)
            for _ in range(3):
                (_, one), (_, other) = (step(mx.ones((1, 2)) * scale) for scale in (1, 3))
                update(tree_map(lambda a, b: (a + b) / 2, one, other))
                tap.end_of_step({})
        tap.finish(3)
    for row in read_trace(tmp_path / "t.jsonl").steps:
        assert row.grad_norm == row.clipped_norm == pytest.approx((2 * (2**2 + 2**2 + 1)) ** 0.5)
        assert (row.tokens, row.counter) == (2, row.step)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder: Path = tmp_path_factory.mktemp("traces")
    runs = {
        "compiled": ("mlx-lm", WORKLOAD),
        "eager": ("mlx-lm", Workload(**{**vars(WORKLOAD), "compile": False})),
        "decayed": ("mlx-lm", Workload(**{**vars(WORKLOAD), "optimizer": Optimizer(weight_decay=0.5)})),
    }
    paths = {}
    for run, (name, workload) in runs.items():
        paths[run] = folder / f"{run}.jsonl"
        with TraceWriter(paths[run], HEADER) as writer:
            train(name, folder, Tap(writer, loaded={}), workload)
    return paths


def test_what_the_trainer_reports_is_what_was_tapped(traces: dict[str, Path]) -> None:
    for step in read_trace(traces["compiled"]).steps:
        assert step.reported == {"loss": step.loss, "lr": step.lr}


def test_batches_and_their_fingerprints_are_one_in_eager_and_compiled_graphs(traces: dict[str, Path]) -> None:
    compiled, eager = read_trace(traces["compiled"]), read_trace(traces["eager"])
    assert [step.batch for step in compiled.steps] == [step.batch for step in eager.steps]
    assert compiled.start == eager.start
    assert [step.found for step in compiled.steps][1:] == [step.params for step in compiled.steps][:-1]
    assert len({step.batch for step in compiled.steps}) == 3


def test_an_optimizer_setting_shows_in_the_effective_configuration_and_in_the_update(traces: dict[str, Path]) -> None:
    plain, decayed = read_trace(traces["compiled"]), read_trace(traces["decayed"])
    assert plain.start is not None
    assert decayed.start is not None
    assert plain.start.effective["optimizer.weight_decay"] == 0.0
    assert decayed.start.effective["optimizer.weight_decay"] == 0.5
    assert plain.steps[0].gradient == decayed.steps[0].gradient
    assert plain.steps[0].params != decayed.steps[0].params


def test_before_step_1_every_parameter_has_its_fingerprint(traces: dict[str, Path]) -> None:
    start = read_trace(traces["compiled"]).start
    assert start is not None
    assert len(start.base) == 80
    assert len(start.trainable) == 56
    assert "model.layers.5.self_attn.q_proj.weight" in start.base
    lora_b = {name: t.digest for name, t in start.trainable.items() if name.endswith("q_proj.lora_b")}
    assert len(lora_b) == 4
    assert len(set(lora_b.values())) == 1  # all of them zero


def test_a_trainer_that_the_tap_cannot_see_is_an_error_and_no_empty_trace(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={})
        tap.end_of_step({"loss": 1.0})
        with pytest.raises(TapError, match="no update was seen"):
            tap.finish(1)


def test_a_second_update_in_a_step_is_an_error_of_an_arm(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={})
        with tap.installed():
            _, gradient = nn.value_and_grad(model, lambda model, x: model(x).sum())(model, mx.ones((1, 2)))
            optim.SGD(learning_rate=0.1).update(model, gradient)
            optim.SGD(learning_rate=0.1).update(model, gradient)
        with pytest.raises(TapError, match="update 2 took 0 passes, the workload asks for 1"):
            tap.finish(2)


def test_the_end_holds_the_parameters_that_the_trainer_leaves(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={})
        left = train("mlx-lm", tmp_path, tap)
        tap.finish(3)
    end = read_trace(tmp_path / "t.jsonl").end
    assert end is not None
    assert end.trainable == left
    assert 1 <= end.traced <= 3


def test_a_step_that_was_not_told_of_is_recorded_without_what_was_reported(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={})
        tell, told = tap.end_of_step, iter((True, False, True))
        tap.end_of_step = lambda reported: tell(reported) if next(told) else None  # type: ignore[method-assign]
        train("mlx-lm", tmp_path, tap)
        tap.finish(3)
    assert [row.reported != {} for row in read_trace(tmp_path / "t.jsonl").steps] == [True, False, False]
