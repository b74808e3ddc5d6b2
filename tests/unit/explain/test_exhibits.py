"""Evidence of a replay, as it is written and read back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from parity.explain.exhibits import read_evidence
from parity.jsonfloat import dumps
from parity.metrics import Stage
from parity.trace.evidence import Clipping, Evidence

if TYPE_CHECKING:
    from pathlib import Path

CLIP = Clipping(norm=15.5, clipped_norm=1.0, greatest=1.25, clipped_greatest=0.5, changed=23, elements=64, factor=None)


def test_evidence_reads_back_as_it_was_written(tmp_path: Path) -> None:
    evidence = Evidence(step=3, stage=Stage.CLIP, equal=("batch",), clipping=(CLIP, CLIP), rates=(1e-4, 2e-4))
    (tmp_path / "it.json").write_text(dumps(asdict(evidence)), encoding="utf-8")
    assert read_evidence(tmp_path / "it.json") == evidence


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": 1}', '{"step": 1, "stage": "clipp", "equal": []}'])
def test_what_is_not_evidence_is_a_value_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "it.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="Evidence"):
        read_evidence(tmp_path / "it.json")
