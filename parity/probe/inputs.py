"""The files that a workload names: the rows of a data set, the folder of a model. Standard library only."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.errors import BadProbeError, UnreadableError, shortened
from parity.files import read_text
from parity.parsing import parse_json

if TYPE_CHECKING:
    from parity.probe.values import Workload

Row = dict[str, Any]

_SHAPES = '{"text": "..."}, {"prompt": "...", "completion": "..."} or {"messages": [{"role": "...", "content": "..."}]}'


class RowKind(StrEnum):
    """The kinds of rows that mlx-lm tells apart (`mlx_lm.tuner.datasets.create_dataset`)."""

    TEXT = "text"
    COMPLETION = "completion"
    CHAT = "chat"


def read_rows(folder: Path) -> list[Row]:
    """The rows of `train.jsonl`, all of one kind, each with only the fields of that kind.

    Raises:
        BadProbeError: no such file, no rows, a line that is not JSON, a row of no kind or of two kinds in one file.

    """
    path = folder / "train.jsonl"
    try:
        lines = read_text(path).split("\n")
    except UnreadableError as error:
        raise BadProbeError(
            f"data set {folder}: cannot read train.jsonl ({error}); it must have one JSON object per line"
        ) from None
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _row(path, number, line)
        if rows and row_kind(row) is not row_kind(rows[0]):
            raise BadProbeError(
                f"{path}:{number}: a {row_kind(row)} row among {row_kind(rows[0])} rows; use one kind per data set"
            )
        rows.append(row)
    if not rows:
        raise BadProbeError(f"{path}: no rows; write one of {_SHAPES} per line")
    return rows


def row_kind(row: Row) -> RowKind:
    """The kind of a row that `read_rows` has read."""
    if "messages" in row:
        return RowKind.CHAT
    return RowKind.COMPLETION if "prompt" in row else RowKind.TEXT


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = parse_json(line)
    except UnreadableError as error:
        raise BadProbeError(f"{path}:{number}: not JSON ({error}); write one object per line") from None
    fields = row.keys() if isinstance(row, dict) else ()
    if "messages" in fields:
        return {"messages": _messages(f"{path}:{number}", row["messages"])}
    if {"prompt", "completion"} <= set(fields):
        return {name: _text(f"{path}:{number}", name, row[name]) for name in ("prompt", "completion")}
    if "text" in fields:
        return {"text": _text(f"{path}:{number}", "text", row["text"])}
    raise BadProbeError(f"{path}:{number}: not a text, completion or chat row; write {_SHAPES}")


def _text(where: str, name: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    said = "empty" if value == "" else f"{shortened(repr(value))}, not text"
    raise BadProbeError(f"{where}: {name} is {said}; write {_SHAPES}")


def _messages(where: str, value: object) -> list[dict[str, str]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value) or len(value) < 2:
        raise BadProbeError(f"{where}: messages must be a list of at least a question and an answer; write {_SHAPES}")
    said = [{key: _text(where, key, each.get(key)) for key in ("role", "content")} for each in value]
    if said[-1]["role"] != "assistant":
        raise BadProbeError(
            f"{where}: the last message is from {shortened(repr(said[-1]['role']))}; it must be the assistant's answer"
        )
    return said


def check_inputs(workload: Workload, where: str = "workload") -> None:
    """Checks, before anything runs, for what would stop a cell later.

    Raises:
        BadProbeError: a model folder that cannot be loaded, bad data, a batch larger than the data set, rows that
            do not fit the task.

    """
    if is_folder(workload.model):
        _check_model(Path(workload.model))
    rows = read_rows(Path(workload.data))
    if workload.batch_size > len(rows):
        raise BadProbeError(
            f"{where}.batch_size is {workload.batch_size}, but {workload.data} has {len(rows)} rows; "
            f"at most {len(rows)}"
        )
    if workload.mask_prompt and row_kind(rows[0]) is RowKind.TEXT:
        raise BadProbeError(
            f"{where}.mask_prompt: {workload.data} has text rows, which have no prompt; use chat or completion rows"
        )


def check_tokenizer(workload: Workload) -> None:
    """Checks that there is a tokenizer, which outcomes need.

    Raises:
        BadProbeError: a model folder without a tokenizer.

    """
    if is_folder(workload.model) and not (Path(workload.model) / "tokenizer_config.json").is_file():
        raise BadProbeError(
            f"outcomes: model {workload.model} has no tokenizer; remove [outcomes], or use a model that has one"
        )


def is_folder(model: str) -> bool:
    """Whether a model is a folder, which is an absolute path once a probe is read. If not, it is a hub id."""
    return Path(model).is_absolute()


def _check_model(folder: Path) -> None:
    if not folder.is_dir():
        raise BadProbeError(f"model {folder}: no such folder; a hub id is written as owner/name")
    if not (folder / "config.json").is_file():
        raise BadProbeError(f"model {folder}: no config.json; mlx_lm.load needs one")
    if not any(folder.glob("*.safetensors")):
        raise BadProbeError(f"model {folder}: no weights (*.safetensors); `make fixtures` makes the tiny model")
