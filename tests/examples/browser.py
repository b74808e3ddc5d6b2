"""A browser that is on this machine already: nothing is downloaded.

`python -m tests.examples.browser` says how to get one, and ends with status 1, where there is none.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

NONE = (
    "no browser for the HTML page on this machine; "
    "get one with `apt-get install chromium` (Debian) or `brew install --cask google-chrome` (macOS)"
)


def installed() -> str | None:
    """Where a Chromium is; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def needed() -> str:
    """Where the Chromium is that a test needs; without one the test is skipped, and fails where `CI` is set."""
    if path := installed():
        return path
    if os.environ.get("CI"):
        pytest.fail(NONE, pytrace=False)
    pytest.skip(NONE)


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """Starts one without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        try:
            yield started
        finally:
            started.close()


if __name__ == "__main__":
    sys.exit(None if installed() else NONE)
