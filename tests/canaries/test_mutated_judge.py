"""Every guard of the judge is itself shown to fail: with the guard broken, a named test of it fails.

Each mutation is one that some gate of this kind has shipped, or could.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.prefork.mutants import run

ROOT = Path(__file__).parents[2]


class Mutation(NamedTuple):
    name: str
    module: str
    guard: str
    broken: str
    test: str


MUTATIONS = (
    Mutation(
        "an inverted comparison",
        "judge/verdict.py",
        "~(sizes(delta.table) <= allowed) if name",
        "(sizes(delta.table) <= allowed) if name",
        "judge/test_verdict.py::test_a_stated_tolerance_decides_on_its_metrics_alone",
    ),
    Mutation(
        "rounding to five decimals",
        "judge/measure.py",
        "equal = left.values == right.values\n",
        "equal = left.values.round(5) == right.values.round(5)\n",
        "judge/test_verdict.py::test_the_first_divergence_has_both_values_delta_and_ulps",
    ),
    Mutation(
        "nothing compared is a pass",
        "judge/verdict.py",
        'return VerdictKind.INVALID, "nothing was compared", None',
        'return VerdictKind.IDENTICAL, "nothing was compared", None',
        "judge/test_verdict.py::test_nothing_compared_is_no_pass",
    ),
    Mutation(
        "intersected steps: a missing one vanishes",
        "judge/problems.py",
        "if len(missing):",
        "if False:",
        "judge/test_verdict.py::test_what_cannot_be_compared_never_passes",
    ),
    Mutation(
        "intersected steps: an extra one vanishes",
        "judge/problems.py",
        "if len(extra):",
        "if False:",
        "judge/test_verdict.py::test_what_cannot_be_compared_never_passes",
    ),
    Mutation(
        "a repeated step is merged",
        "judge/problems.py",
        "once[times > 1]",
        "once[times > 2]",
        "judge/test_diff.py::test_a_repeated_step_is_a_problem",
    ),
    Mutation(
        "a metric that one side lacks vanishes",
        "judge/problems.py",
        "MISSING_METRIC: gap & ~there",
        "MISSING_METRIC: gap & nothing",
        "judge/test_diff.py::test_a_metric_on_one_side_is_a_problem",
    ),
    Mutation(
        "two NaNs are equal",
        "judge/problems.py",
        "there & nan & also_nan",
        "there & nan & nothing",
        "judge/test_verdict.py::test_what_cannot_be_compared_never_passes",
    ),
    Mutation(
        "a NaN of the candidate is not seen",
        "judge/problems.py",
        "~nan & also_nan",
        "~nan & nothing",
        "judge/test_verdict.py::test_what_cannot_be_compared_never_passes",
    ),
    Mutation(
        "problems do not decide",
        "judge/verdict.py",
        "    if delta.problems:\n",
        "    if False:\n",
        "judge/test_verdict.py::test_what_cannot_be_compared_never_passes",
    ),
    Mutation(
        "an unequal fingerprint has no size",
        "judge/noise.py",
        "{True: math.inf, False: 0.0}",
        "{True: 0.0, False: 0.0}",
        "judge/test_verdict.py::test_what_the_reference_repeats_to_the_bit_must_be_equal_to_the_bit",
    ),
    Mutation(
        "a contaminated reference is a noisy one",
        "judge/verdict.py",
        "if noisy is not None and thresholds.deterministic:",
        "if noisy is not None and not thresholds.deterministic:",
        "judge/test_verdict.py::test_a_reference_that_does_not_repeat_itself_is_contaminated",
    ),
    Mutation(
        "a repetition that stopped early is a proof",
        "judge/verdict.py",
        "(each.problems[0] for each in again if each.problems)",
        "(each.problems[0] for each in again if False)",
        "judge/test_verdict.py::test_a_repetition_that_stopped_early_is_no_proof",
    ),
    Mutation(
        "a floor from too few repetitions",
        "judge/verdict.py",
        "if len(again) < LEAST:",
        "if len(again) < 1:",
        "judge/test_noise.py::test_what_few_repetitions_leave_open_is_inconclusive_and_says_how_many_decide",
    ),
    Mutation(
        "the candidate is ranked before its equals",
        "judge/noise.py",
        "(scores[1:] >= scores[0])",
        "(scores[1:] > scores[0] + 1)",
        "judge/test_noise.py::test_all_runs_are_scored_alike",
    ),
    Mutation(
        "any verdict is the expected one",
        "judge/result.py",
        "and self.kind is expect.verdict\n",
        "and self.kind is not None\n",
        "judge/test_result.py::test_a_declared_divergence_is_met_by_that_divergence_alone",
    ),
    Mutation(
        "a divergence anywhere is the declared one",
        "judge/result.py",
        "(at is not None and at.stage is expect.stage)",
        "at is not None",
        "judge/test_result.py::test_a_divergence_elsewhere_is_not_the_declared_one",
    ),
    Mutation(
        "what must stay equal may differ",
        "judge/result.py",
        "all(self._is_equal(metric) for metric in expect.equal)",
        "True",
        "judge/test_result.py::test_a_declared_divergence_excuses_no_other",
    ),
    Mutation(
        "one good seed is enough",
        "judge/result.py",
        "all(cell.meets(self.probe.expect) for cell in self.cells)",
        "any(cell.meets(self.probe.expect) for cell in self.cells)",
        "judge/test_result.py::test_one_seed_that_differs_decides_for_the_probe",
    ),
    Mutation(
        "seeds that were never run passed",
        "judge/result.py",
        "return not self.missing and ",
        "return ",
        "store/test_run.py::test_seeds_that_were_never_started_are_missing_and_not_passed",
    ),
    Mutation(
        "a run of nothing is a pass",
        "gate/result.py",
        "bool(self.probes) and not self.interrupted and all(",
        "not self.interrupted and all(",
        "gate/test_result.py::test_the_exit_status_follows_from_what_was_found",
    ),
    Mutation(
        "an interrupted run is a pass",
        "gate/result.py",
        "bool(self.probes) and not self.interrupted and all(",
        "bool(self.probes) and all(",
        "gate/test_result.py::test_an_interrupted_run_is_no_pass",
    ),
    Mutation(
        "a trace of another cell is judged",
        "trace/cell.py",
        "if told != (probe.name, arm, seed, steps):",
        "if not told:",
        "judge/test_cell.py::test_a_whole_trace_that_is_not_the_planned_one_is_not_judged",
    ),
    Mutation(
        "a trace that was cut is complete",
        "trace/file.py",
        "ending=ending or Ending(complete=False, why=why)",
        "ending=ending or Ending(complete=True, why=why)",
        "trace/test_file.py::test_a_file_cut_anywhere_is_read_up_to_its_last_whole_line",
    ),
)


def copied(folder: Path) -> Path:
    """The project, small enough to be broken; with its bytecode, of which only what is broken is made again."""
    for name in ("parity", "tests"):
        shutil.copytree(ROOT / name, folder / name, copy_function=os.symlink)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in ("fixtures", "probes"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Every mutation in a copy of its own."""
    asked = []
    for mutation in MUTATIONS:
        folder = copied(tmp_path_factory.mktemp("mutated"))
        module = folder / "parity" / mutation.module
        text = module.read_text(encoding="utf-8")
        assert text.count(mutation.guard) == 1, f"{mutation.name}: its guard is not in {mutation.module} once"
        for path in (module, *module.parent.glob(f"__pycache__/{module.stem}.*")):
            path.unlink()  # a link to the project's own
        module.write_text(text.replace(mutation.guard, mutation.broken), encoding="utf-8")
        asked.append((folder, [mutation.test]))
    return dict(zip((each.name for each in MUTATIONS), run(asked), strict=True))


def test_unbroken_all_of_them_pass(tmp_path: Path) -> None:
    ((status, output),) = run([(copied(tmp_path), list(dict.fromkeys(mutation.test for mutation in MUTATIONS)))])
    assert status == 0, output


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_guard_fails_its_test(outcomes: dict[str, tuple[int, str]], mutation: Mutation) -> None:
    status, output = outcomes[mutation.name]
    assert status == 1, output
    assert f"FAILED tests/unit/{mutation.test}" in output
