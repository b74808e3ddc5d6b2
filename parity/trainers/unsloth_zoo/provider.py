"""`MLXTrainer`, with any of its stages taken from another provider."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from parity.errors import UnavailableError
from parity.metrics import Stage
from parity.trace.values import Ignored
from parity.trainers.mlx_lm.stages import clipping
from parity.trainers.unsloth_zoo.configuration import configuration, is_ours
from parity.trainers.unsloth_zoo.importing import module, release
from parity.trainers.unsloth_zoo.readback import read_back
from parity.trainers.unsloth_zoo.stages import UnslothZooStages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.trainers.protocol import Clip, Job, Loaded, Tap


class UnslothZoo(UnslothZooStages):
    """Provider `unsloth-zoo`."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """`MLXTrainer.train`, logging every update."""
        trainer_module = module("trainer")
        config = configuration(job)
        trainer = trainer_module.MLXTrainer(
            model=loaded.model, tokenizer=loaded.tokenizer, train_dataset=list(job.rows), args=config
        )

        # Releases of May 2026 report a norm rebuilt from Adam's state, tens of percent off the gradient's norm.
        norm_name = "grad_norm" if hasattr(trainer_module, "_global_grad_norm_fp32") else "adam_norm"

        # (step, total, loss, lr, tokens/s, peak GB, elapsed, tokens, gradient norm)
        def end_of_step(_step: int, _total: int, loss: float, lr: float, *rest: Any) -> None:
            tap.end_of_step({"loss": loss, "lr": lr, norm_name: rest[4] if len(rest) > 4 else None})

        trainer.add_step_callback(end_of_step)
        if not is_ours(job, Stage.BATCH):
            batches = job.stages[Stage.BATCH].batches(loaded, job)
            needed = job.workload.steps * job.workload.accumulation
            trainer._batches = [(*batch, None)[:3] for batch in islice(batches, needed)]
            _tell_of_eager_steps(job)
        with ExitStack() as borrowed:
            borrowed.enter_context(_borrowed_loss(loaded, job, use_cce=bool(config.use_cce)))
            borrowed.enter_context(_borrowed_forward(loaded, job))
            clip = None if is_ours(job, Stage.CLIP) else job.stages[Stage.CLIP].clip(job)
            _borrow_update(trainer, loaded, job, clip)
            tap.read_back = lambda seen: read_back(job, trainer, config, seen, clip)
            trainer.train()


def _tell_of_eager_steps(job: Job) -> None:
    """2026.10 does not compile steps over batches that it did not plan itself, and does not say so."""
    if job.workload.compile and hasattr(module("trainer"), "_plan_single_process_text_shapes"):
        why = "MLXTrainer does not compile steps over batches that it did not plan itself"
        job.warn(Ignored(name="workload.compile", asked=True, effective=False, why=why))


@contextmanager
def _borrowed_loss(loaded: Loaded, job: Job, *, use_cce: bool) -> Iterator[None]:
    """Replaces the loss that `MLXTrainer` makes with a borrowed one."""
    if is_ours(job, Stage.LOSS):
        yield
        return
    trainer_module = module("trainer")
    if not hasattr(trainer_module, "make_baseline_loss_fn") or use_cce:
        raise UnavailableError(f"unsloth-zoo {release()}: its loss cannot be replaced here; remove stages.loss")
    borrowed = job.stages[Stage.LOSS].loss(loaded, job)

    @wraps(borrowed)
    def loss(model: Any, batch: Any, lengths: Any, labels: Any = None) -> tuple[Any, Any]:
        if labels is not None:
            raise UnavailableError("a borrowed loss takes no labels; remove stages.loss")
        return borrowed(model, batch, lengths)

    with patch.object(trainer_module, "make_baseline_loss_fn", lambda *_, **__: loss):
        yield


@contextmanager
def _borrowed_forward(loaded: Loaded, job: Job) -> Iterator[None]:
    """Replaces the patches of `MLXTrainer` with those of the lender."""
    if is_ours(job, Stage.FORWARD):
        yield
        return
    trainer, loader = module("trainer"), module("loader")
    patches = [
        (loader, "_keep_norm_parameters_float32"),
        (trainer, "acquire_mlx_training_patches"),
        (trainer, "release_mlx_training_patches"),
    ]
    with ExitStack() as stack:
        for where, name in patches:
            if hasattr(where, name):
                stack.enter_context(patch.object(where, name, lambda *_, **__: None))
        stack.enter_context(job.stages[Stage.FORWARD].forward(loaded, job))
        yield


def _borrow_update(trainer: Any, loaded: Loaded, job: Job, clip: Clip | None) -> None:
    """Replaces how this one trainer object builds its schedule and its optimizer."""
    own = trainer._build_optimizer
    if not is_ours(job, Stage.SCHEDULE):
        trainer._build_schedule = lambda _steps: _outside(job.stages[Stage.SCHEDULE].schedule(job))
    if not is_ours(job, Stage.UPDATE):

        def own(steps: int) -> Any:
            rate = trainer._build_schedule(steps)
            trainer._lr_schedule = rate if callable(rate) else None
            trainer._manual_weight_decay = trainer._coupled_weight_decay = 0.0
            trainer._resolved_optimizer_name = str(job.workload.optimizer.name)
            first = rate(0) if callable(rate) else rate
            return job.stages[Stage.UPDATE].optimizer(loaded, job, first)

    if not is_ours(job, Stage.UPDATE) or not is_ours(job, Stage.CLIP):
        trainer._build_optimizer = lambda steps: clipping(own(steps), clip)


def _outside(rate: Any) -> Any:
    """Adapts a schedule to be called with an int, between the steps."""
    if not callable(rate):
        return rate
    import mlx.core as mx

    return lambda step: rate(mx.array(step))
