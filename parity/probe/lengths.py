"""How the rows of a data set differ, which decides what a workload can show about batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from parity.errors import BadProbeError
from parity.probe.inputs import RowKind, is_folder, read_rows, row_kind

if TYPE_CHECKING:
    from parity.probe.values import Workload


@dataclass(frozen=True, kw_only=True)
class RowFacts:
    """Facts about one data set under one model's tokenizer."""

    count: int
    distinct: int
    shortest: int | None = None
    """Tokens, without the EOS that a trainer may append; None if only a library could tell (chat rows)."""
    longest: int | None = None


def row_facts(workload: Workload, snapshot: Path | None = None) -> RowFacts:
    """Reads the rows, and counts their tokens if they are text and the model's folder has a `tokenizer.json`.

    Args:
        workload: names the rows and the model.
        snapshot: the folder of a hub id's files; with None, no tokens are counted for a hub id.

    """
    rows = read_rows(Path(workload.data))
    distinct = len({repr(row) for row in rows})
    folder = Path(workload.model) if is_folder(workload.model) else snapshot
    vocabulary = None if folder is None else folder / "tokenizer.json"
    if row_kind(rows[0]) is not RowKind.TEXT or vocabulary is None or not vocabulary.is_file():
        return RowFacts(count=len(rows), distinct=distinct)
    try:
        tokenizer = Tokenizer.from_file(str(vocabulary))
    except Exception as error:  # noqa: BLE001 - the library raises nothing more specific
        raise BadProbeError(f"{vocabulary}: not a tokenizer ({error})") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lengths = [len(encoded.ids) for encoded in tokenizer.encode_batch([row["text"] for row in rows])]
    return RowFacts(count=len(rows), distinct=distinct, shortest=min(lengths), longest=max(lengths))
