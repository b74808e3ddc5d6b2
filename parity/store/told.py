"""What is kept as it was written, an explanation and a provenance: only the fields that a report prints are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from parity.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_explanation(text: str) -> dict[str, Any]:
    """Reads what `parity.explain.report.explanation_tree` made, from its JSON.

    Raises:
        UnreadableError: it is not JSON.
        ValidationError: it is not an explanation; says where.

    """
    found = parse_json(text, ours=True)
    _Explanation.model_validate_json(text)
    return dict(found)


def checked_provenance(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """The provenance of an arm, unchanged; it may be empty.

    Raises:
        ValidationError: it is not one; says where.

    """
    if tree:
        _Provenance.model_validate(tree)
    return tree


class _Told(BaseModel):
    """The fields that a report prints of something that is kept as it was written."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Device(_Told):
    type: str
    name: str
    deterministic: bool


class _Provenance(_Told):
    platform: str
    python: str
    device: _Device
    versions: dict[str, str]
    environment: dict[str, str] = {}


class _Exhibit(_Told):
    factor: str
    diverges_at: str
    lines: list[str]


class _Lockstep(_Told):
    summary: str
    lines: list[tuple[str, str, str]]


class _Alone(_Told):
    diverges_at: str


class _Cause(_Told):
    stages: list[str]
    lines: list[str]
    restores: str
    alone: list[_Alone]

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.alone) != len(self.lines):
            raise ValueError("as many lines as factors that were put alone into the reference")
        return self


class _RuledOut(_Told):
    stages: list[str]
    still: str


class _Effective(_Told):
    name: str
    reference: Any
    candidate: Any
    declared: bool


class _Explanation(_Told):
    probe: str
    seed: int
    summary: str
    evidence: list[_Exhibit]
    ignored: list[str]
    steps: _Lockstep | None
    causes: list[_Cause]
    ruled_out: list[_RuledOut]
    effective: list[_Effective]
    runs: int
