from __future__ import annotations

import json
import sys
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from parity.cli import cli, main
from parity.errors import BadTraceError, ExitStatus
from parity.judge.outcome_table import read_outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

seeds = st.integers(0, 2**32 - 1)
spellings = st.sampled_from(["yes", "no", "true", "false", "pass", "fail", "1", "0", "Yes", "FAIL", " true "])
orders = st.sampled_from([*permutations(["seed", "left arm", "right"])])
MEANS = {"yes": True, "true": True, "pass": True, "1": True, "no": False, "false": False, "fail": False, "0": False}


def table(path: Path, left: Mapping[int, Any], right: Mapping[int, Any], order: tuple[str, ...]) -> Path:
    """Both mappings as CSV: an empty cell where an arm did not run a seed, and a comment in between."""
    lines = [",".join(order), "# as measured"]
    for seed in left.keys() | right.keys():
        row = {"seed": seed, "left arm": left.get(seed, ""), "right": right.get(seed, "")}
        lines.append(",".join(str(row[name]) for name in order))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def columns(order: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in order if name != "seed")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=st.dictionaries(seeds, spellings), right=st.dictionaries(seeds, spellings), order=orders)
def test_yes_and_no_come_back_however_they_are_spelt(
    tmp_path: Path, left: dict[int, str], right: dict[int, str], order: tuple[str, ...]
) -> None:
    read = read_outcomes(table(tmp_path / "t.csv", left, right, order))
    meant = [{seed: MEANS[said.strip().lower()] for seed, said in arm.items()} for arm in (left, right)]
    assert read.yes is not None
    assert dict(zip(read.arms, read.yes, strict=True)) == dict(zip(("left arm", "right"), meant, strict=True))
    assert (read.arms, read.numbers) == (columns(order), None)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=st.dictionaries(seeds, st.floats()), right=st.dictionaries(seeds, st.floats()), order=orders)
def test_every_number_comes_back_to_the_bit(
    tmp_path: Path, left: dict[int, float], right: dict[int, float], order: tuple[str, ...]
) -> None:
    assume(left or right)  # a table without a cell is one of yes and no, of which there are none
    read = read_outcomes(table(tmp_path / "t.csv", left, right, order))
    assert read.numbers is not None
    found = dict(zip(read.arms, read.numbers, strict=True))
    for arm, written in (("left arm", left), ("right", right)):
        assert {seed: repr(value) for seed, value in found[arm].items()} == {s: repr(v) for s, v in written.items()}
    assert (read.arms, read.yes) == (columns(order), None)


def test_numbers_that_could_be_words_are_numbers_beside_others(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("seed,a,b\n1,1,0\n2,0.5,1\n")
    assert read_outcomes(tmp_path / "t.csv").numbers == ({1: 1.0, 2: 0.5}, {1: 0.0, 2: 1.0})


def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes('\ufeff"seed","a, eager", b\r\n\r\n 7 , yes ,\r\n'.encode())
    read = read_outcomes(tmp_path / "t.csv")
    assert (read.arms, read.yes) == (("a, eager", "b"), ({7: True}, {}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a seed column and one column for each of two arms, has nothing"),
        ("# only this\n\n", "needs a seed column and one column for each of two arms, has nothing"),
        ("seed;a;b\n1;yes;no\n", "needs a seed column and one column for each of two arms, has seed;a;b"),
        ("Seed,a,b\n", "needs a seed column and one column for each of two arms, has Seed, a, b"),
        ("seed,a,b,c\n", "needs a seed column and one column for each of two arms, has seed, a, b, c"),
        ("seed,a\n", "needs a seed column and one column for each of two arms, has seed, a"),
        ("seed,a,b\n1,yes\n", "row 1: needs a seed, which is a whole number, and two cells"),
        ("seed,a,b\n1,yes,no\n2,no,no,no\n", "row 2: needs a seed, which is a whole number, and two cells"),
        ("seed,a,b\n-1,yes,no\n", "row 1: needs a seed, which is a whole number, and two cells"),
        ("seed,a,b\n1.0,yes,no\n", "row 1: needs a seed, which is a whole number, and two cells"),
        ("seed,a,b\n,yes,no\n", "row 1: needs a seed, which is a whole number, and two cells"),
        ("seed,a,b\n1,yes,no\n2,no,no\n01,yes,no\n", "row 3: seed 1 appears twice"),
        ("seed,a,b\n1,yes,no\n2,no,maybe\n", "seed 2: 'maybe' is not yes, no or a number"),
        ("seed,a,b\n1,yes,maybe\n", "seed 1: 'maybe' is not yes, no or a number"),
        ("seed,a,b\n1,0.5,0.25\n2,0.5,much\n", "seed 2: 'much' is not yes, no or a number"),
        ("seed,a,b\n1,0.5,0.25\n2,yes,no\n", "seed 2: 'yes' is among numbers; write only yes and no, or only numbers"),
        ("seed,a,b\n1,yes,no\n2,yes,0.5\n", "seed 1: 'yes' is among numbers; write only yes and no, or only numbers"),
        ('seed,a,b\n1,"' + "x" * 200_000, "not a CSV table (field larger than field limit (131072))"),
    ],
)
def test_what_is_no_table_of_outcomes_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(BadTraceError) as error:
        read_outcomes(tmp_path / "t.csv")
    assert str(error.value) == f"{tmp_path}/t.csv: {message}"


def test_a_table_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("seed,a,b\n".encode("utf-16"))
    for name, why in (
        ("t.csv", "not UTF-8, at byte 0"),
        ("none.csv", "No such file or directory"),
        (".", "Is a directory"),
    ):
        with pytest.raises(BadTraceError) as error:
            read_outcomes(tmp_path / name)
        assert str(error.value) == f"{tmp_path / name}: cannot be read ({why})"


DIFFER = "".join(f"{seed},yes,no\n" for seed in range(1, 7))
SHIFTED = "".join(f"{seed},0.5,0.25\n" for seed in range(1, 7))
INVALID = "nothing to compare: 0 seeds of the reference, 0 of the candidate"


def ask(path: Path, rows: str, *options: str, header: str = "seed,loop,trainer\n") -> tuple[ExitStatus, str]:
    path.write_text(header + rows)
    done = CliRunner().invoke(cli, ["outcomes", str(path), *options], standalone_mode=False)
    status = done.return_value
    assert isinstance(status, ExitStatus)
    return status, done.stdout


@pytest.mark.parametrize(
    ("rows", "status", "said"),
    [
        (
            "1,yes,yes\n2,no,no\n",
            ExitStatus.EXPECTED,
            ["identical: 1 of 2 against 1 of 2 seeds, the same at every seed"],
        ),
        ("1,0.5,0.5\n", ExitStatus.EXPECTED, ["identical: equal bit for bit at 1 of 1 seeds"]),
        (
            DIFFER,
            ExitStatus.UNEXPECTED,
            [
                "diverged: 6 of 6 against 0 of 6 seeds; exact McNemar p = 0.031, Fisher p = 0.0022: "
                "more than chance at alpha = 0.05",
                "yes in the reference only: seeds 1, 2, 3, 4, 5, 6",
            ],
        ),
        (
            SHIFTED,
            ExitStatus.UNEXPECTED,
            [
                "diverged: 6 of 6 seeds differ; the mean difference over all is -0.25 nats, the largest 0.25 (seed 1); "
                "exact Wilcoxon p = 0.031: more than chance at alpha = 0.05"
            ],
        ),
        (
            "1,no,yes\n2,no,no\n",
            ExitStatus.UNDECIDED,
            [
                "inconclusive: 0 of 2 against 1 of 2 seeds; exact McNemar p = 1, Fisher p = 1: these seeds do not "
                "prove a gap; it would take about 15 seeds (2 seeds cannot show any gap)",
                "yes in the candidate only: seeds 1",
            ],
        ),
        ("1,0.5,nan\n", ExitStatus.UNDECIDED, ["invalid: NaN or infinite at 1 of 1 seeds, first at seed 1"]),
        ("", ExitStatus.UNDECIDED, [f"invalid: {INVALID}"]),
    ],
    ids=["same answers", "same numbers", "a gap", "a shift", "too few seeds", "a NaN", "nothing"],
)
def test_the_command_says_what_a_table_supports(tmp_path: Path, rows: str, status: ExitStatus, said: list[str]) -> None:
    assert ask(tmp_path / "t.csv", rows) == (
        status,
        "\n".join(["reference: loop; candidate: trainer", *said]) + "\n",
    )


def test_the_names_of_arms_are_printed_as_they_are(tmp_path: Path) -> None:
    _, said = ask(tmp_path / "t.csv", "1,yes,yes\n", header="seed,[bold]a[/bold],b :smile:\n")
    assert said.splitlines()[0] == "reference: [bold]a[/bold]; candidate: b :smile:"


def test_as_json_it_is_one_object_of_numbers(tmp_path: Path) -> None:
    status, said = ask(tmp_path / "t.csv", DIFFER, "--json")
    found = json.loads(said)
    assert (status, found["verdict"], found["reference"], found["candidate"]) == (
        ExitStatus.UNEXPECTED,
        "diverged",
        6,
        0,
    )
    assert found["only_reference"] == [1, 2, 3, 4, 5, 6]
    status, said = ask(tmp_path / "t.csv", "1,0.5,nan\n", "--json")
    found = json.loads(said, parse_constant=pytest.fail)
    assert (status, found["verdict"], found["deltas"]) == (ExitStatus.UNDECIDED, "invalid", {"1": "NaN"})


def test_a_bad_table_is_exit_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parity", "outcomes", str(tmp_path / "none.csv")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == ExitStatus.USAGE
    assert capsys.readouterr().err == f"parity: {tmp_path}/none.csv: cannot be read (No such file or directory)\n"
