"""A golden as a value: one reference at one seed on one platform, small enough to be read in a diff."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.trace.values import Step, Tensor, Trace

SCHEMA = 1
PARAMETERS = ("base", "trainable", "base_at_start", "trainable_at_end", "base_at_end")
"""The metrics whose parameters a golden keeps, in this order."""
_SYSTEMS = {"Darwin": "macos"}


@dataclass(frozen=True, kw_only=True)
class Group:
    """The parameters of one kind, in short."""

    tensors: int
    digest: str
    """BLAKE2b-64 of their names, dtypes, shapes and digests, hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    """What a reference computed, what it was asked for, and where."""

    probe: str
    seed: int
    platform: str
    """System, machine and device: `linux-x86_64-cpu`. Other platforms compute different bits."""
    asked: Mapping[str, str]
    """Everything that decides what the reference computes, as `parity.golden.workload.asked` writes it."""
    environment: Mapping[str, str]
    """By name, what may have changed since: releases, device, compiler."""
    groups: Mapping[str, Group]
    steps: tuple[Step, ...]
    """Without what the trainer reported, counted and found, and without the states of random generators."""

    @property
    def workload(self) -> str:
        """BLAKE2b-64 of what was asked, hexadecimal."""
        return digest(f"{name}: {value}" for name, value in self.asked.items())


def golden_of(trace: Trace, asked: Mapping[str, str]) -> Golden:
    """The golden of a reference, from its complete trace."""
    assert trace.start is not None
    assert trace.end is not None
    header, start, end = trace.header, trace.start, trace.end
    assert header.seed is not None
    parameters = (start.loaded, start.trainable, start.base, end.trainable, end.base)
    return Golden(
        probe=header.probe,
        seed=header.seed,
        platform=platform_of(header.provenance),
        asked=asked,
        environment=_environment(header.provenance),
        groups={name: _group(tensors) for name, tensors in zip(PARAMETERS, parameters, strict=True)},
        steps=tuple(replace(step, reported={}, random={}, counter=None, found=None) for step in trace.steps),
    )


def platform_of(provenance: Mapping[str, Any]) -> str:
    """`linux-x86_64-cpu`, from the provenance of a trace."""
    return f"{machine_of(provenance['system'], provenance['machine'])}-{provenance['device']['type']}"


def machine_of(system: str, machine: str) -> str:
    """`linux-x86_64`, from what `platform.system` and `platform.machine` return."""
    return f"{_SYSTEMS.get(system, system.lower())}-{machine}"


def digest(lines: Any) -> str:
    """BLAKE2b-64 of lines of text, hexadecimal."""
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _environment(provenance: Mapping[str, Any]) -> dict[str, str]:
    named = {
        **provenance["versions"],
        "python": provenance["python"],
        "libc": provenance["libc"],
        "compiler": provenance["compiler"],
        "device": provenance["device"]["name"],
    }
    return {name: " ".join(str(said).split()) for name, said in named.items() if said}


def _group(tensors: Mapping[str, Tensor]) -> Group:
    lines = sorted(f"{name} {t.dtype}{list(t.shape)} {t.digest}" for name, t in tensors.items())
    return Group(tensors=len(tensors), digest=digest(lines))
