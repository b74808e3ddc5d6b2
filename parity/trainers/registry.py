"""Providers by name: ours, and those that other packages add."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from parity.errors import BadProbeError, UnavailableError, nearest
from parity.trainers.protocol import (
    CANARY_PREFIX,
    SHARED_SETTINGS,
    FunctionKind,
    Ownership,
    Provider,
    SettingKind,
    SettingKinds,
)

if TYPE_CHECKING:
    from parity.metrics import Stage
    from parity.probe.values import Arm, Probe, Setting

GROUP = "mlx_parity.providers"

_OURS = {
    "command": "parity.trainers.command.provider:Command",
    "mlx-lm": "parity.trainers.mlx_lm.loop:MlxLmLoop",
    "mlx-lm-train": "parity.trainers.mlx_lm.train:MlxLmTrain",
    "unsloth-zoo": "parity.trainers.unsloth_zoo.provider:UnslothZoo",
}


def provider_names() -> list[str]:
    """All registered names, sorted."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def provider(name: str) -> Provider:
    """Creates the provider that is registered under a name. Imports no trainer.

    Raises:
        BadProbeError: no such name.
        UnavailableError: the package that registers it cannot be imported.

    """
    if name.startswith(CANARY_PREFIX):
        changed: Provider = import_module("parity.canaries.catalogue").changed_provider(name)
        return changed
    points = {point.name: point for point in entry_points(group=GROUP)}
    points |= {ours: EntryPoint(ours, value, GROUP) for ours, value in _OURS.items()}
    if name not in points:
        raise BadProbeError(f"unknown provider {name!r}; {nearest(name, points)}")
    module, _, attribute = points[name].value.partition(":")
    try:
        made: Provider = getattr(import_module(module), attribute)()
    except Exception as error:  # noqa: BLE001 - a third-party module may raise anything
        said = f"{type(error).__name__}: {error}"
        raise UnavailableError(f"provider {name!r}: {points[name].value} cannot be imported ({said})") from None
    return made


def can_swap(own: str, lender: str, stage: Stage) -> bool:
    """Whether an arm of provider `own` can take a stage from provider `lender`."""
    return stage in provider(own).borrows and stage in provider(lender).lends


def distributions_of(probe: Probe) -> frozenset[str]:
    """The names of the distributions that the providers of both arms run."""
    arms = (probe.reference, probe.candidate)
    names = {name for arm in arms for name in (arm.provider, *arm.stages.values())}
    return frozenset(distribution for name in names for distribution in provider(name).distributions)


def ownership(probe: Probe) -> Ownership:
    """Which stage every setting and keyword of a probe belongs to, as the providers of its arms declare it.

    If two providers declare the same name for different stages, the candidate's own provider decides.
    """
    arms = (probe.reference, probe.candidate)
    names = dict.fromkeys(name for arm in arms for name in (*arm.stages.values(), arm.provider))
    settings = dict(SHARED_SETTINGS)
    functions: dict[str, FunctionKind] = {}
    for name in names:
        settings |= _settings(name)
        functions |= _functions(name)
    return Ownership(settings={name: kind.stage for name, kind in settings.items()}, functions=functions)


def _settings(name: str) -> SettingKinds:
    """The settings of a provider.

    Raises:
        BadProbeError: a setting is not declared as a `SettingKind`.

    """
    settings = provider(name).settings
    for each, kind in settings.items():
        if not isinstance(kind, SettingKind):
            raise BadProbeError(
                f"provider {name!r} declares its setting {each!r} as {kind!r}; "
                "it must be a parity.trainers.protocol.SettingKind(type=…, stage=…)"
            )
    return settings


def _functions(name: str) -> Mapping[str, FunctionKind]:
    """The functions of a provider that take keywords.

    Raises:
        BadProbeError: a function is not declared as a `FunctionKind`.

    """
    functions = provider(name).takes_keywords
    if not isinstance(functions, Mapping) or not all(isinstance(each, FunctionKind) for each in functions.values()):
        raise BadProbeError(
            f"provider {name!r} declares takes_keywords as {functions!r}; "
            "it must map names to parity.trainers.protocol.FunctionKind(stage=…)"
        )
    return functions


def check_providers(probe: Probe) -> None:
    """Checks the providers, stages and settings of both arms.

    Raises:
        BadProbeError: one of them does not exist, cannot be combined, or has the wrong type.

    """
    for where, arm in (("reference", probe.reference), ("candidate", probe.candidate)):
        try:
            _check_arm(arm)
        except BadProbeError as error:
            raise BadProbeError(f"{where}: {error}") from None


def _check_arm(arm: Arm) -> None:
    own = provider(arm.provider)
    accepted: SettingKinds = {**SHARED_SETTINGS, **_settings(arm.provider)}
    functions = set(_functions(arm.provider))
    for stage, name in arm.stages.items():
        lender = provider(name)
        for stages, complaint in (
            (own.borrows, f"{arm.provider!r} cannot take stage '{stage}' from another provider"),
            (lender.lends, f"{name!r} does not lend stage '{stage}'"),
        ):
            if stage not in stages:
                raise BadProbeError(f"{complaint}; valid: {', '.join(sorted(stages)) or 'none'}")
        accepted = {**accepted, **_settings(name)}
        functions |= set(_functions(name))
    for function in arm.keywords:
        if not functions:
            raise BadProbeError(f"keywords: {arm.provider!r} accepts none")
        if function not in functions:
            raise BadProbeError(f"keywords: unknown function {function!r}; {nearest(function, functions)}")
    for name, value in arm.settings.items():
        _check_setting(name, value, accepted)


def _check_setting(name: str, value: Setting, accepted: SettingKinds) -> None:
    if name not in accepted:
        raise BadProbeError(f"unknown setting {name!r}; {nearest(name, accepted)}")
    wanted = accepted[name].type
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if not fits:
        raise BadProbeError(f"settings.{name} must be a {wanted.__name__}, not {value!r}")
