"""Faults in the optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, TRAINER_FULL, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, LearningRate, Loaded, Tap


class _OtherOptimizer(MlxLmLoop):
    """Changes the AdamW that the loop has made."""

    def change(self, adam: Any) -> None:
        """Changes the optimizer in place."""
        raise NotImplementedError

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        adam = super().optimizer(loaded, job, learning_rate)
        self.change(adam)
        return adam


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class BiasNotCorrected(_OtherOptimizer):
    """Adam has no bias correction.

    This is mlx's default.
    """

    def change(self, adam: Any) -> None:
        adam.bias_correction = False


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class EpsilonUp(_OtherOptimizer):
    """Adam's epsilon is 1e-7, not 1e-8."""

    def change(self, adam: Any) -> None:
        adam.eps = 1e-7


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class FirstBetaOff(_OtherOptimizer):
    """Adam's first beta is 0.91, not 0.9.

    At step 1, bias correction cancels it except for rounding, which is enough to show.
    """

    def change(self, adam: Any) -> None:
        adam.betas = [0.91, adam.betas[1]]


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class SecondBetaOff(_OtherOptimizer):
    """Adam's second beta is 0.99, not 0.999.

    At step 1, bias correction cancels it except for rounding, which is enough to show.
    """

    def change(self, adam: Any) -> None:
        adam.betas = [adam.betas[0], 0.99]


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class NotDecayed(_OtherOptimizer):
    """There is no weight decay, although the workload asks for it."""

    def change(self, adam: Any) -> None:
        adam.weight_decay = 0.0


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class DecayCoupled(_OtherOptimizer):
    """Weight decay is added to the gradient, as in Adam.

    This happens inside the optimizer, so what it receives stays the same.
    """

    def change(self, adam: Any) -> None:
        decay, own = adam.weight_decay, adam.apply_single
        adam.weight_decay = 0.0
        adam.apply_single = lambda gradient, parameter, state: own(gradient + decay * parameter, parameter, state)


@canary(on=LOOP, stage=Stage.UPDATE, step=2)
class StateInBfloat16(_OtherOptimizer):
    """Adam's moments are kept in bfloat16 between the steps.

    At step 1 they are used before they are rounded.
    """

    def change(self, adam: Any) -> None:
        import mlx.core as mx

        own = adam.apply_single

        def rounded(gradient: Any, parameter: Any, state: dict[str, Any]) -> Any:
            updated = own(gradient, parameter, state)
            state |= {name: state[name].astype(mx.bfloat16) for name in ("m", "v")}
            return updated

        adam.apply_single = rounded


@canary(on=LOOP, stage=Stage.UPDATE, step=1)
class NothingTrained(_OtherOptimizer):
    """The update is computed and thrown away."""

    def change(self, adam: Any) -> None:
        own = adam.apply_single

        def thrown_away(gradient: Any, parameter: Any, state: dict[str, Any]) -> Any:
            own(gradient, parameter, state)
            return parameter

        adam.apply_single = thrown_away


class _TrainerOptimizer(UnslothZoo):
    """Changes the AdamW that MLXTrainer has made."""

    def change(self, adam: Any) -> None:
        """Changes the optimizer in place."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
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
    """MLXTrainer: Adam has no bias correction.

    This is mlx's default.
    """

    def change(self, adam: Any) -> None:
        adam.bias_correction = False


@canary(on=TRAINER_PLAIN, stage=Stage.UPDATE, step=1)
class TrainerEpsilonUp(_TrainerOptimizer):
    """MLXTrainer: Adam's epsilon is 1e-7, not 1e-8."""

    def change(self, adam: Any) -> None:
        adam.eps = 1e-7


@canary(on=TRAINER_FULL, stage=Stage.UPDATE, step=1)
class TrainerNormsDecayed(UnslothZoo):
    """MLXTrainer: weight decay applies to norms too."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        trainer = module("trainer").MLXTrainer
        with replaced(trainer, "_should_apply_weight_decay", lambda _own: lambda *_: True):
            super().train(loaded, job, tap)
