from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity.errors import BadProbeError
from parity.probe.file import read_probe
from parity.probe.inputs import read_rows

MODEL = Path(__file__).parents[3] / "fixtures" / "models" / "tiny-gemma3"
CHAT = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
COMPLETION = '{"prompt": "a", "completion": "b"}'
SHAPES = (
    '{{"text": "..."}}, {{"prompt": "...", "completion": "..."}} or '
    '{{"messages": [{{"role": "...", "content": "..."}}]}}'
)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "{data}/train.jsonl: no rows; write one of " + SHAPES + " per line"),
        ("\n\n", "{data}/train.jsonl: no rows; write one of " + SHAPES + " per line"),
        (
            '{"text": "a"}\n{"txt": "b"}\n',
            "{data}/train.jsonl:2: not a text, completion or chat row; write " + SHAPES,
        ),
        ('{"text": ""}\n', "{data}/train.jsonl:1: text is empty; write " + SHAPES),
        ('{"text": 5}\n', "{data}/train.jsonl:1: text is 5, not text; write " + SHAPES),
        (
            '{"text": "a"}\n{"prompt": "a", "completion": "b"}\n',
            "{data}/train.jsonl:2: a completion row among text rows; use one kind per data set",
        ),
        ('{"prompt": "a", "completion": ""}\n', "{data}/train.jsonl:1: completion is empty; write " + SHAPES),
        (
            '{"messages": [{"role": "user", "content": "a"}]}\n',
            "{data}/train.jsonl:1: messages must be a list of at least a question and an answer; write " + SHAPES,
        ),
        (
            '{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "a"}]}\n',
            "{data}/train.jsonl:1: the last message is from 'user'; it must be the assistant's answer",
        ),
        (
            '{"text": "a"\n',
            "{data}/train.jsonl:1: not JSON (Expecting ',' delimiter, at character 13); write one object per line",
        ),
    ],
)
def test_bad_data_is_one_line(folder: Path, rows: str, message: str) -> None:
    (folder / "data" / "train.jsonl").write_text(rows)
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml")
    assert str(error.value) == f"{folder}/right.toml: " + message.format(data=folder / "data")


@pytest.mark.parametrize("rows", [CHAT, COMPLETION])
def test_chat_and_completion_rows_are_read_without_what_else_they_hold(folder: Path, rows: str) -> None:
    (folder / "data" / "train.jsonl").write_text((rows[:-1] + ', "source": "x"}\n') * 8)
    assert read_rows(folder / "data") == [json.loads(rows)] * 8


def test_a_masked_prompt_needs_rows_that_have_one(folder: Path) -> None:
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml", ["workload.mask_prompt=true"])
    assert str(error.value) == (
        f"{folder}/right.toml: workload.mask_prompt: {folder}/data has text rows, which have no prompt; "
        "use chat or completion rows"
    )


def test_a_line_separator_inside_a_text_is_no_end_of_line(folder: Path) -> None:
    (folder / "data" / "train.jsonl").write_text('{"text": "a\u2028b\x85c"}\n' * 8)
    assert read_rows(folder / "data")[0] == {"text": "a\u2028b\x85c"}


def test_a_model_without_weights_is_one_line(folder: Path) -> None:
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    with pytest.raises(BadProbeError, match=r"model .*/model: no weights \(\*\.safetensors\)"):
        read_probe(folder / "right.toml", [f"workload.model='{folder}/model'"])


ASKED = "outcomes.prompt='<<HELLO!!>>'"


@pytest.fixture
def bare(folder: Path) -> Path:
    """A model that can be loaded, without its tokenizer."""
    (folder / "bare").mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / "bare" / name).symlink_to(MODEL / name)
    return folder / "bare"


@pytest.mark.parametrize("key", ["workload", "reference.workload", "candidate.workload"])
def test_outcomes_need_a_tokenizer_in_every_model(folder: Path, bare: Path, key: str) -> None:
    changes = [ASKED, f"{key}.model='{bare}'"]
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml", changes)
    assert str(error.value) == (
        f"{folder}/right.toml: outcomes: model {bare} has no tokenizer; remove [outcomes], or use a model that has one"
    )


def test_without_outcomes_no_tokenizer_is_asked_for(folder: Path, bare: Path) -> None:
    assert read_probe(folder / "right.toml", [f"workload.model='{bare}'"]).outcomes is None


def test_the_tokenizer_of_a_hub_id_is_not_looked_for(folder: Path) -> None:
    probe = read_probe(folder / "right.toml", [ASKED, "workload.model='owner/name'"])
    assert probe.outcomes is not None
