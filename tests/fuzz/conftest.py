"""`make fuzz` ends with what each format was given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "FUZZ_EXAMPLES" in os.environ:
        for report in terminalreporter.stats.get("passed", ()):
            for name, said in report.user_properties:
                if name == "fuzzed":
                    terminalreporter.write_line(said)
