from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer

from parity.errors import BadProbeError
from parity.probe.lengths import RowFacts, row_facts
from parity.probe.values import Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXTURES = Path(__file__).parents[3] / "fixtures"
MODEL = FIXTURES / "models" / "tiny-gemma3"


def workload(data: str | Path, model: str | Path = MODEL) -> Workload:
    return Workload(model=str(model), data=str(FIXTURES / "data" / data), seeds=(1,))


def written(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        ("hello", RowFacts(count=64, distinct=1, shortest=17, longest=17)),
        ("varied", RowFacts(count=96, distinct=96, shortest=6, longest=144)),
        ("chat", RowFacts(count=48, distinct=48)),
        ("completions", RowFacts(count=48, distinct=48)),
    ],
)
def test_rows_of_the_fixtures(data: str, facts: RowFacts) -> None:
    assert row_facts(workload(data)) == facts


@pytest.mark.parametrize("model", ["google/gemma-3-270m", "tiny"])
def test_a_hub_id_tells_no_lengths(model: str) -> None:
    assert row_facts(workload("hello", model)) == RowFacts(count=64, distinct=1)


def test_a_hub_id_tells_the_lengths_of_its_snapshot(tmp_path: Path) -> None:
    facts = RowFacts(count=64, distinct=1, shortest=17, longest=17)
    assert row_facts(workload("hello", "google/gemma-3-270m"), MODEL) == facts
    assert row_facts(workload("hello"), tmp_path) == facts  # a folder is its own
    assert row_facts(workload("hello", "google/gemma-3-270m"), tmp_path).longest is None


def test_a_hub_id_is_no_folder_below_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MODEL.parent)
    assert row_facts(workload("hello", MODEL.name)).longest is None


def test_a_folder_without_a_tokenizer_tells_no_lengths(tmp_path: Path) -> None:
    assert row_facts(workload("varied", tmp_path)) == RowFacts(count=96, distinct=96)


def test_special_tokens_are_counted(tmp_path: Path) -> None:
    tokenizer = json.loads((MODEL / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    bare, special = row_facts(workload("varied", tmp_path)), row_facts(workload("varied"))
    assert (bare.shortest, bare.longest) == (5, 143)
    assert (special.shortest, special.longest) == (6, 144)


@pytest.mark.parametrize("how", ["padded", "to a length", "cut", "both"])
def test_what_a_tokenizer_pads_and_cuts_by_itself_is_not_counted(tmp_path: Path, how: str) -> None:
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    if how in {"padded", "both"}:
        tokenizer.enable_padding()
    if how == "to a length":
        tokenizer.enable_padding(length=200)
    if how in {"cut", "both"}:
        tokenizer.enable_truncation(8)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert row_facts(workload("varied", tmp_path)) == row_facts(workload("varied"))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"null", b"\xff\xfe"], ids=["empty", "cut", "no model", "null", "no text"]
)
def test_a_damaged_tokenizer_is_a_bad_probe_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(BadProbeError, match=f"^{re.escape(str(path))}: not a tokenizer \\("):
        row_facts(workload("varied", tmp_path))


def test_a_tokenizer_is_not_read_for_rows_that_it_cannot_tell_the_length_of(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    assert row_facts(workload("chat", tmp_path)) == RowFacts(count=48, distinct=48)


def test_rows_are_equal_where_their_own_fields_are(tmp_path: Path) -> None:
    rows = [{"text": "a", "id": 1}, {"text": "a", "id": 2}, {"text": "a b c", "id": 3}]
    facts = row_facts(workload(written(tmp_path, rows)))
    assert (facts.count, facts.distinct) == (3, 2)
    assert facts.shortest == 2  # the beginning of a text, and "a"
    assert row_facts(workload(written(tmp_path, rows[:2]))) == replace(facts, count=2, distinct=1, longest=2)


def test_rows_that_cannot_be_read_are_a_bad_probe(tmp_path: Path) -> None:
    with pytest.raises(BadProbeError, match="no rows"):
        row_facts(workload(written(tmp_path, [])))
