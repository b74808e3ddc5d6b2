"""The examples that are in the repository: they can be read, and hold nothing of the machine that made them."""

from __future__ import annotations

import platform
import re
import struct

import pytest
from click.testing import CliRunner

from parity.canaries.catalogue import find
from parity.cli.report import report_command
from parity.gate.sentence import sentence
from parity.report.html import render_html
from parity.report.markdown import render_markdown
from parity.store.results import read_result
from tests.examples.make import ALL, EXAMPLES, MOST_BYTES

RENDER = "the renderer has changed: .venv/bin/python -m tests.examples.make render"
FIRST = {
    "identical": "1 probe, as expected: identical.",
    "diverged": "Not as expected, 1 of 2 probes: examples/diverged diverged, from step 1, stage loss",
    "inconclusive": "Not as expected, 1 of 1 probe: examples/inconclusive is inconclusive, further off than all 4 ",
}
NAMES = [example.name for example in ALL]


def kept(name: str, file: str) -> str:
    return (EXAMPLES / name / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_read_back_and_its_first_sentence_says_what_it_is_of(name: str) -> None:
    result = read_result(kept(name, "results.json"), find)
    assert sentence(result).startswith(FIRST[name])
    assert int(result.status) == next(example.status for example in ALL if example.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_what_this_release_renders(name: str) -> None:
    result = read_result(kept(name, "results.json"), find)
    assert kept(name, "report.md") == render_markdown(result), RENDER
    assert kept(name, "report.html") == render_html(result) + "\n", RENDER


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", ["results.json", "report.md", "report.html"])
def test_an_example_holds_no_path_and_no_name_of_a_machine(name: str, file: str) -> None:
    text = kept(name, file)
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users|var|opt|usr|mnt|private)/", text)
    assert platform.node() not in text
    assert len(text.encode()) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_example_has_its_pictures(name: str, scheme: str) -> None:
    data = (EXAMPLES / name / f"{scheme}.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert (width, 800 < height < 2800) == (1200, True)
    assert len(data) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_printed_of_results_alone_with_the_status_of_the_run(name: str) -> None:
    done = CliRunner().invoke(
        report_command, [str(EXAMPLES / name / "results.json"), "--format", "html"], standalone_mode=False
    )
    assert done.stdout == kept(name, "report.html")
    assert done.return_value == next(example.status for example in ALL if example.name == name)
