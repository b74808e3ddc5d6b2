"""Makes `reports/examples`: three small runs, what was rendered of them, and pictures of their pages.

    make examples                                     # trains them anew
    .venv/bin/python -m tests.examples.make render    # renders what is kept once more

Pictures need a browser; where there is none, those that are there are left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from parity.canaries.catalogue import find
from parity.report.html import render_html
from parity.report.markdown import render_markdown
from parity.store.stored import stored
from tests.examples.browser import NONE, browser, installed

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "reports" / "examples"
_PROBES = Path("fixtures") / "examples"
_WIDTH, _HEIGHT, _MARGIN = 1200, 2800, 40
MOST_BYTES = 400_000
"""Of a file of an example."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One run, and the exit status that it must have."""

    name: str
    probes: tuple[str, ...]
    status: int
    options: tuple[str, ...] = ()


ALL = (
    Example(name="identical", probes=("identical",), status=0),
    Example(name="diverged", probes=("identical", "diverged"), status=1, options=("--explain",)),
    Example(name="inconclusive", probes=("inconclusive",), status=5, options=("--repeats", "4")),
)


def main() -> None:
    """Trains every example and keeps its results, unless only pages are asked for; then renders them."""
    if sys.argv[1:] not in ([], ["render"]):
        sys.exit("tests.examples.make: say nothing, or `render`")
    with tempfile.TemporaryDirectory() as scratch:
        for example in ALL if not sys.argv[1:] else ():
            run = Path(scratch) / example.name
            train(example, run)
            keep(run, EXAMPLES / example.name)
    for example in ALL:
        render(EXAMPLES / example.name)
    picture([EXAMPLES / example.name for example in ALL])


def train(example: Example, run: Path) -> None:
    """Runs an example as a user does; the trainer of the tests is on the path."""
    probes = [str(_PROBES / f"{name}.toml") for name in example.probes]
    command = [sys.executable, "-m", "parity", "run", *probes, *example.options, "--out", str(run)]
    path = {"PYTHONPATH": str(ROOT / "tests" / "plugin")}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | path, check=False)
    if done.returncode != example.status:
        sys.exit(f"{example.name}: exit status {done.returncode}, {example.status} was expected; nothing more is made")


def keep(run: Path, into: Path) -> None:
    """Copies the results of a run; all that is rendered of them can be made from these."""
    into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "results.json", into / "results.json")


def render(folder: Path) -> None:
    """Writes the reports of kept results beside them."""
    result = stored(folder / "results.json", find)
    (folder / "report.md").write_text(render_markdown(result), encoding="utf-8")
    (folder / "report.html").write_text(render_html(result) + "\n", encoding="utf-8")
    for file in folder.iterdir():
        if (size := file.stat().st_size) > MOST_BYTES:
            sys.exit(f"{folder.name}/{file.name}: {size:,} bytes, a file of an example may have {MOST_BYTES:,}")


def picture(folders: list[Path]) -> None:
    """Takes `light.png` and `dark.png` of each page, from its top to the end of its first curves."""
    path = installed()
    if path is None:
        print(f"{NONE}; the pictures are left as they are")  # noqa: T201 - what `make examples` says
        return
    with browser(path) as started:
        for folder in folders:
            for scheme in ("light", "dark"):
                context = started.new_context(
                    viewport={"width": _WIDTH, "height": _HEIGHT},
                    color_scheme="light" if scheme == "light" else "dark",
                )
                page = context.new_page()
                page.goto((folder / "report.html").as_uri())
                curves = page.locator(".curves[data-drawn]").first
                curves.wait_for(state="attached")
                bottom = curves.evaluate("each => each.getBoundingClientRect().bottom") + _MARGIN
                shown: FloatRect = {"x": 0, "y": 0, "width": _WIDTH, "height": bottom}
                page.screenshot(path=folder / f"{scheme}.png", clip=shown, animations="disabled")
                context.close()


if __name__ == "__main__":
    main()
