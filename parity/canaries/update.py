"""Faults of the optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, TRAINER_FULL, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.probe.values import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, LearningRate, Loaded, Tap


class _OtherOptimizer(MlxLmLoop):
    """Changes the AdamW that the loop has made."""

    def change(self, adam: Any) -> None:
        """In place."""
        raise NotImplementedError

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        """The same class."""
        adam = super().optimizer(loaded, job, learning_rate)
        self.change(adam)
        return adam


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class BiasNotCorrected(_OtherOptimizer):
    """Adam without bias correction."""

    def change(self, adam: Any) -> None:
        """Mlx's default."""
        adam.bias_correction = False


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class EpsilonUp(_OtherOptimizer):
    """Adam's epsilon 1e-7 for 1e-8."""

    def change(self, adam: Any) -> None:
        """In the denominator."""
        adam.eps = 1e-7


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class FirstBetaOff(_OtherOptimizer):
    """Adam's first beta 0.91 for 0.9."""

    def change(self, adam: Any) -> None:
        """The corrected bias leaves only the rounding of it at step 1, which is enough."""
        adam.betas = [0.91, adam.betas[1]]


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class SecondBetaOff(_OtherOptimizer):
    """Adam's second beta 0.99 for 0.999."""

    def change(self, adam: Any) -> None:
        """The corrected bias leaves only the rounding of it at step 1, which is enough."""
        adam.betas = [adam.betas[0], 0.99]


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class NotDecayed(_OtherOptimizer):
    """No weight decay although it was asked for."""

    def change(self, adam: Any) -> None:
        """Adam for AdamW."""
        adam.weight_decay = 0.0


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class DecayCoupled(_OtherOptimizer):
    """Weight decay coupled to the gradient, as Adam has it."""

    def change(self, adam: Any) -> None:
        """Inside the optimizer: what it receives stays."""
        decay, own = adam.weight_decay, adam.apply_single
        adam.weight_decay = 0.0
        adam.apply_single = lambda gradient, parameter, state: own(gradient + decay * parameter, parameter, state)


@canary(on=LOOP, stage=Stage.UPDATE, step=2)
class StateInBfloat16(_OtherOptimizer):
    """Adam's moments kept in bfloat16 between the steps."""

    def change(self, adam: Any) -> None:
        """Step 1 has used them before they are rounded."""
        import mlx.core as mx

        own = adam.apply_single

        def rounded(gradient: Any, parameter: Any, state: dict[str, Any]) -> Any:
            updated = own(gradient, parameter, state)
            state |= {name: state[name].astype(mx.bfloat16) for name in ("m", "v")}
            return updated

        adam.apply_single = rounded


class _TrainerOptimizer(UnslothZoo):
    """Changes the AdamW that MLXTrainer has made."""

    def change(self, adam: Any) -> None:
        """In place."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Through `MLXTrainer._build_optimizer`."""

        def change(own: Any) -> Any:
            def build(trainer: Any, total: int) -> Any:
                adam = own(trainer, total)
                self.change(adam)
                return adam

            return build

        with replaced(module("trainer").MLXTrainer, "_build_optimizer", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER_PLAIN, stage=Stage.UPDATE, step=1)
class TrainerBiasNotCorrected(_TrainerOptimizer):
    """MLXTrainer: Adam without bias correction."""

    def change(self, adam: Any) -> None:
        """Mlx's default."""
        adam.bias_correction = False


@canary(on=TRAINER_PLAIN, stage=Stage.UPDATE, step=1)
class TrainerEpsilonUp(_TrainerOptimizer):
    """MLXTrainer: Adam's epsilon 1e-7 for 1e-8."""

    def change(self, adam: Any) -> None:
        """In the denominator."""
        adam.eps = 1e-7


@canary(on=TRAINER_FULL, stage=Stage.UPDATE, step=1)
class TrainerNormsDecayed(UnslothZoo):
    """MLXTrainer: weight decay of norms too."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Through `MLXTrainer._should_apply_weight_decay`."""
        trainer = module("trainer").MLXTrainer
        with replaced(trainer, "_should_apply_weight_decay", lambda _own: lambda *_: True):
            super().train(loaded, job, tap)
