"""A folder for the runs of one probe, which a later run of the same probe finds again."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from parity.files import read_text
from parity.probe.sources import is_path
from parity.probe.values import BOTH_ARMS, to_plain
from parity.runner.checkouts import digest

if TYPE_CHECKING:
    from parity.probe.values import Probe


def kept_in(folder: Path, probe: Probe, *more: object) -> Path:
    """A separate folder for a probe with the installed releases: runs with different ones are not mistaken for these.

    Args:
        folder: the folder that contains it.
        probe: the probe as it is run.
        more: what else must not be mixed up; a text becomes part of the name.

    """
    installed = sorted({f"{each.name} {each.version}" for each in distributions()})
    workloads = [probe.workload_of(arm) for arm in BOTH_ARMS]
    rows = [read_text(Path(workload.data) / "train.jsonl") for workload in workloads]
    sources = [digest(Path(pin)) for pin in probe.environment.values() if is_path(pin)]
    text = json.dumps([to_plain(probe.content), installed, rows, sources, *more], sort_keys=True)
    words = [probe.name.replace("/", "-"), *(word for word in more if isinstance(word, str))]
    return folder / "-".join([*words, hashlib.blake2b(text.encode(), digest_size=4).hexdigest()])
