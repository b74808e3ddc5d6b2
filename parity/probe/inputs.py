"""What a workload points at: the rows of a data set, the folder of a model. Standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import BadProbeError

if TYPE_CHECKING:
    from parity.probe.values import Workload

Row = dict[str, str]


def read_rows(folder: Path) -> list[Row]:
    """The rows of `train.jsonl`, each with its `text`.

    Raises:
        BadProbeError: no such file, no rows, a line that is not JSON, a row without text.

    """
    path = folder / "train.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadProbeError(
            f"data set {folder}: cannot read train.jsonl ({error}); a data set is a folder with one JSON object a line"
        ) from None
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise BadProbeError(f'{path}: no rows; write one {{"text": "..."}} a line')
    return rows


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadProbeError(f"{path}:{number}: not JSON ({error.msg}); one object a line") from None
    if not isinstance(row, dict) or "text" not in row:
        raise BadProbeError(f'{path}:{number}: a row without text; write {{"text": "..."}}')
    text = row["text"]
    if not isinstance(text, str) or not text:
        said = "empty" if text == "" else f"{text!r}, not text"
        raise BadProbeError(f'{path}:{number}: text is {said}; write {{"text": "..."}}')
    return {"text": text}


def check_inputs(workload: Workload) -> None:
    """Finds before anything runs what would stop a cell later.

    Raises:
        BadProbeError: a model folder that cannot be loaded, bad data, a batch larger than the data set.

    """
    if is_folder(workload.model):
        _check_model(Path(workload.model))
    rows = len(read_rows(Path(workload.data)))
    if workload.batch_size > rows:
        raise BadProbeError(
            f"workload.batch_size is {workload.batch_size}, but {workload.data} has {rows} rows; at most {rows}"
        )


def is_folder(model: str) -> bool:
    """Whether a model is a folder (an absolute path after reading a probe) or a hub id."""
    return Path(model).is_absolute()


def _check_model(folder: Path) -> None:
    if not folder.is_dir():
        raise BadProbeError(f"model {folder}: no such folder; a hub id is written as owner/name")
    if not (folder / "config.json").is_file():
        raise BadProbeError(f"model {folder}: no config.json; mlx_lm.load needs one")
    if not any(folder.glob("*.safetensors")):
        raise BadProbeError(f"model {folder}: no weights (*.safetensors); `make fixtures` makes the tiny ones")
