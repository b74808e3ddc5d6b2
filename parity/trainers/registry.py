"""Providers by name: ours, and those that other packages add."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from parity.canaries.canary import PREFIX
from parity.errors import BadProbeError, UnavailableError, nearest
from parity.trainers.protocol import SHARED_SETTINGS, Provider, SettingTypes

if TYPE_CHECKING:
    from parity.probe.values import Arm, Probe, Setting, Stage

GROUP = "mlx_parity.providers"

_OURS = {
    "mlx-lm": "parity.trainers.mlx_lm.loop:MlxLmLoop",
    "mlx-lm-train": "parity.trainers.mlx_lm.train:MlxLmTrain",
    "unsloth-zoo": "parity.trainers.unsloth_zoo.provider:UnslothZoo",
}


def provider_names() -> list[str]:
    """All registered names, sorted."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def provider(name: str) -> Provider:
    """Makes the provider that is registered under a name. Imports no trainer.

    Raises:
        BadProbeError: no such name.
        UnavailableError: the package that registers it cannot be imported.

    """
    if name.startswith(PREFIX):
        changed: Provider = import_module("parity.canaries.catalogue").changed_provider(name)
        return changed
    points = {point.name: point for point in entry_points(group=GROUP)}
    points |= {ours: EntryPoint(ours, value, GROUP) for ours, value in _OURS.items()}
    if name not in points:
        raise BadProbeError(f"unknown provider {name!r}; {nearest(name, points)}")
    module, _, attribute = points[name].value.partition(":")
    try:
        made: Provider = getattr(import_module(module), attribute)()
    except Exception as error:  # noqa: BLE001 - a module of somebody else's may raise anything
        said = f"{type(error).__name__}: {error}"
        raise UnavailableError(f"provider {name!r}: {points[name].value} cannot be imported ({said})") from None
    return made


def can_swap(own: str, lender: str, stage: Stage) -> bool:
    """Whether an arm of one provider can take a stage from another."""
    return stage in provider(own).borrows and stage in provider(lender).lends


def distributions_of(probe: Probe) -> frozenset[str]:
    """What the providers of both arms run, by distribution name."""
    arms = (probe.reference, probe.candidate)
    names = {name for arm in arms for name in (arm.provider, *arm.stages.values())}
    return frozenset(distribution for name in names for distribution in provider(name).distributions)


def check_providers(probe: Probe) -> None:
    """Checks the providers, stages and settings of both arms.

    Raises:
        BadProbeError: one that does not exist, cannot be combined, or has another type.

    """
    for where, arm in (("reference", probe.reference), ("candidate", probe.candidate)):
        try:
            _check_arm(arm)
        except BadProbeError as error:
            raise BadProbeError(f"{where}: {error}") from None


def _check_arm(arm: Arm) -> None:
    own = provider(arm.provider)
    accepted: SettingTypes = {**SHARED_SETTINGS, **own.settings}
    functions = set(own.takes_keywords)
    for stage, name in arm.stages.items():
        lender = provider(name)
        for stages, complaint in (
            (own.borrows, f"{arm.provider!r} cannot take stage '{stage}' from elsewhere"),
            (lender.lends, f"{name!r} does not lend stage '{stage}'"),
        ):
            if stage not in stages:
                raise BadProbeError(f"{complaint}; valid: {', '.join(sorted(stages)) or 'none'}")
        accepted = {**accepted, **lender.settings}
        functions |= lender.takes_keywords
    for function in arm.keywords:
        if not functions:
            raise BadProbeError(f"keywords: {arm.provider!r} takes none")
        if function not in functions:
            raise BadProbeError(f"keywords: no function {function!r} to pass them to; {nearest(function, functions)}")
    for name, value in arm.settings.items():
        _check_setting(name, value, accepted)


def _check_setting(name: str, value: Setting, accepted: SettingTypes) -> None:
    if name not in accepted:
        raise BadProbeError(f"unknown setting {name!r}; {nearest(name, accepted)}")
    wanted = accepted[name]
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if not fits:
        raise BadProbeError(f"settings.{name} must be a {wanted.__name__}, not {value!r}")
