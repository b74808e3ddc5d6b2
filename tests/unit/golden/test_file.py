from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import BadGoldenError
from parity.golden.file import golden_name, read_golden, write_golden
from parity.golden.values import Golden, digest, golden_of
from parity.trace.values import Step
from tests.unit.made import step, trace

if TYPE_CHECKING:
    from pathlib import Path

PLATFORM = "linux-x86_64-cpu"
ASKED = {"model": "0a", "batch_size": "6", "lora.modules": '["q", "k: v"]', "provider": "mlx-lm"}
GOLDEN = golden_of(trace(), ASKED)
CURE = "restore it from version control, or replace it with `parity record --force`"

hexadecimal = st.text("0123456789abcdef", min_size=16, max_size=16)
number = st.floats(width=32, allow_nan=False)
steps = st.builds(
    Step,
    step=st.just(0),
    found=st.none(),
    batch=st.none() | hexadecimal,
    loss=number,
    tokens=st.none() | st.integers(0, 2**32 - 1),
    grad_norm=number,
    gradient=hexadecimal,
    clipped_norm=number,
    clipped=hexadecimal,
    lr=st.none() | number,
    counter=st.none(),
    params=hexadecimal,
)


def read(path: Path) -> Golden:
    return read_golden(path, platform=PLATFORM, probe="current/self", seed=42)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path, text: str) -> str:
    with pytest.raises(BadGoldenError) as error:
        read(written(path / "self.txt", text))
    return str(error.value).removeprefix(f"{path}/self.txt: ")


@given(rows=st.lists(steps, min_size=1, max_size=5))
def test_every_float_comes_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, rows: list[Step]) -> None:
    numbered = tuple(replace(row, step=number) for number, row in enumerate(rows, start=1))
    golden = replace(GOLDEN, steps=numbered)
    back = read(written(tmp_path_factory.mktemp("golden") / "g.txt", write_golden(golden)))
    assert repr(back) == repr(golden)


def test_a_golden_can_be_read_in_a_diff() -> None:
    loss = [line.split()[2] for line in write_golden(GOLDEN).splitlines()[-3:]]
    assert loss == ["1.5", "2.5", "3.5"]
    head = write_golden(GOLDEN).splitlines()
    assert head[:7] == [
        "# mlx-parity golden",
        "# schema: 1",
        "# probe: current/self",
        "# seed: 42",
        "# steps: 3",
        "# platform: linux-x86_64-cpu",
        f"# workload: {GOLDEN.workload}",
    ]
    assert head[7:18] == [
        "#   model: 0a",
        "#   batch_size: 6",
        '#   lora.modules: ["q", "k: v"]',
        "#   provider: mlx-lm",
        "# environment: when it was recorded",
        "#   mlx: 0.32.4",
        "#   python: 3.11.7",
        "#   libc: glibc 2.36",
        "#   compiler: g++ 12.2.0",
        "#   device: a processor",
        head[17],
    ]
    assert head[17].startswith("# digest: ")
    columns = {line.index("0.001") for line in head[-3:]}
    assert len(columns) == 1


def test_what_the_trainer_reported_is_not_kept() -> None:
    assert all(row.reported == {} for row in GOLDEN.steps)


TEXT = write_golden(GOLDEN)
LINES = TEXT.splitlines()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step,loss\n1,2\n", "not a golden: its first line is not '# mlx-parity golden'"),
        ("", "not a golden: its first line is not '# mlx-parity golden'"),
        (TEXT.replace("# schema: 1", "# schema: 9"), "schema 9, this parity reads 1"),
        (
            "# mlx-parity golden\n",
            "its header lacks schema, probe, seed, steps, platform, workload, environment, digest",
        ),
        (TEXT[:-9], "cut short in the middle of a line"),
        ("\n".join(LINES[:-1]) + "\n", "cut short: 2 of 3 steps"),
        ("\n".join(LINES[:-4]) + "\n", "cut short: 0 of 3 steps"),
        (
            "\n".join(LINES[:20]) + "\n",
            "cut short: it lacks the parameters trainable, base_at_start, trainable_at_end, base_at_end",
        ),
        ("\n".join([*LINES, LINES[-1]]) + "\n", "step 3 occurs 2 times"),
        (
            TEXT.replace("  2.5 ", "  2,5 "),
            f"not a row of numbers: {' '.join(LINES[-2].split()).replace(' 2.5 ', ' 2,5 ')!r}",
        ),
        (TEXT.replace("# seed: 42", "# seed: one"), "seed is not a whole number: 'one'"),
        (TEXT + "3 4\n", "not a row of 10 columns: '3 4'"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    assert complaint(tmp_path, text) == f"{said}; {CURE}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  2.5 ", "  2.6 "),
        ("# seed: 42", "# seed: 43"),
        ("#   mlx: 0.32.4", "#   mlx: 0.33.0"),
        ("#   batch_size: 6", "#   batch_size: 7"),
        ("  0.001  ", "  0.001   "),
        ("# platform: linux", "# platform:  linux"),
    ],
)
def test_a_hand_that_edited_it_is_seen(tmp_path: Path, before: str, after: str) -> None:
    assert before in TEXT
    said = complaint(tmp_path, TEXT.replace(before, after, 1))
    assert said.startswith("edited by hand: its digest is ")
    assert said.endswith(CURE)


def test_a_hand_that_mends_the_digest_too_is_not(tmp_path: Path) -> None:
    """It says that nobody edits by accident; it is no signature."""
    edited = [line.replace("  2.5 ", "  2.6 ") for line in LINES]
    told = f"# digest: {digest(line for line in edited if not line.startswith('# digest'))}"
    text = "\n".join(told if line.startswith("# digest") else line for line in edited) + "\n"
    assert read(written(tmp_path / "g.txt", text)).steps[1].loss == pytest.approx(2.6)


def test_a_golden_of_another_platform_says_where_it_belongs(tmp_path: Path) -> None:
    path = written(tmp_path / "g.txt", TEXT)
    with pytest.raises(BadGoldenError) as error:
        read_golden(path, platform="macos-arm64-gpu", probe="current/self", seed=42)
    assert str(error.value) == (
        f"{path}: recorded on linux-x86_64-cpu, but kept under macos-arm64-gpu, which computes different bits; "
        "move it to linux-x86_64-cpu/"
    )


def test_a_golden_under_the_name_of_another_cell_is_not_compared(tmp_path: Path) -> None:
    path = written(tmp_path / "g.txt", TEXT)
    with pytest.raises(BadGoldenError) as error:
        read_golden(path, platform=PLATFORM, probe="current/strict", seed=1)
    said = f"{path}: recorded for current/self at seed 42, but named for current/strict at seed 1; {CURE}"
    assert str(error.value) == said


def test_a_missing_golden_and_one_that_is_not_text_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadGoldenError, match=r"cannot be read \(No such file or directory\)"):
        read(tmp_path / "none.txt")
    (tmp_path / "g.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(BadGoldenError, match=r"cannot be read \(not UTF-8, at byte 0\)"):
        read(tmp_path / "g.txt")


def test_a_name_is_fit_for_a_file() -> None:
    assert golden_name("current/self", 42) == "current-self-42.txt"
    assert golden_name("my probes/a b", 1) == "my-probes-a-b-1.txt"


def test_infinities_come_back(tmp_path: Path) -> None:
    golden = replace(
        GOLDEN, steps=(replace(step(1), loss=math.inf, lr=-math.inf, reported={}, found=None, counter=None),)
    )
    assert read(written(tmp_path / "g.txt", write_golden(golden))) == golden
