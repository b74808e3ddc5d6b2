"""Says where an arm would be trained, in the words of a trace's header, without training one.

python -m parity.lab.here SPEC.json FOLDER
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from parity.files import write_whole
from parity.lab.entry import answer
from parity.lab.provenance import provenance
from parity.trace.cell import HERE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def here(asked: Mapping[str, Any], folder: Path) -> bool:
    """Writes the provenance with the releases of the distributions that are asked for."""
    write_whole(folder / HERE, json.dumps(provenance(asked["distributions"])))
    return True


if __name__ == "__main__":
    sys.exit(answer(here))
