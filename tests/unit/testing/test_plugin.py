"""pytest finds probe files where it is told to, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[3]
WHERE = ("tool.toml", "probes/same.toml", "probes/more/rate.toml", "probes/parts/short.toml")
PROBE = """
question = "Is it?"
extends = "mlx-parity:varied"
[workload]
seeds = [1, 42]
[candidate]
provider = "mlx-lm-train"
[expect]
verdict = "identical"
"""
ABSENT = ("mlx", "mlx_lm", "unsloth_zoo", "transformers", "tokenizers", "huggingface_hub", "uv")
"""What an environment that only judges does not have; pytest needs `packaging` itself."""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two probes, a part that others could extend, and a TOML file that is neither; the option is not set."""
    for name in WHERE:
        pytester.path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        pytester.path.joinpath(name).write_text(PROBE if name.startswith("probes") else "a = 1\n")
    pytester.path.joinpath("probes/parts/short.toml").write_text("[workload]\nsteps = 2\n")
    pytester.makepyfile(test_other="def test_other(): pass")
    return pytester


def collected(project: pytest.Pytester, *arguments: str) -> list[str]:
    """The tests that pytest finds."""
    done = project.runpytest_subprocess("--collect-only", "-q", "-p", "no:cacheprovider", *arguments)
    return [line for line in done.outlines if "::" in line and not line.startswith("ERROR")]


def asked(project: pytest.Pytester, folders: str = "probes") -> None:
    project.makeini(f"[pytest]\nparity_probes = {folders}\n")


def test_without_the_option_it_does_nothing(project: pytest.Pytester) -> None:
    assert collected(project) == ["test_other.py::test_other"]


def test_a_probe_below_a_named_folder_is_a_test_a_seed(project: pytest.Pytester) -> None:
    asked(project)
    assert collected(project) == [
        "probes/more/rate.toml::seed-1",
        "probes/more/rate.toml::seed-42",
        "probes/same.toml::seed-1",
        "probes/same.toml::seed-42",
        "test_other.py::test_other",
    ]


def test_k_and_a_path_choose_among_them(project: pytest.Pytester) -> None:
    asked(project)
    assert collected(project, "-k", "rate and seed-42") == ["probes/more/rate.toml::seed-42"]
    assert collected(project, "probes/same.toml::seed-1") == ["probes/same.toml::seed-1"]
    assert collected(project, "probes/parts/short.toml") == []


def test_the_first_selected_cell_of_every_library_is_trained_without_the_tap_too(project: pytest.Pytester) -> None:
    asked(project)
    project.path.joinpath("probes/same.toml").write_text(PROBE.replace("mlx-lm-train", "mlx-lm"))
    project.makeconftest(
        "def pytest_collection_finish(session):\n"
        "    for item in session.items:\n"
        "        print(*([item.nodeid, *item.controls()] if hasattr(item, 'controls') else ()))\n"
    )
    done = project.runpytest_subprocess("--collect-only", "-q", "-k", "seed-42", "-p", "no:cacheprovider")
    done.stdout.fnmatch_lines(
        ["probes/more/rate.toml::seed-42 ('more/rate', 42)", "probes/same.toml::seed-42 ('probes/same', 42)"]
    )
    done = project.runpytest_subprocess("--collect-only", "-q", "-p", "no:cacheprovider")
    done.stdout.fnmatch_lines(["probes/same.toml::seed-1 ('probes/same', 1)", "probes/same.toml::seed-42"])


def test_expected_outcomes_are_one_test_of_all_seeds(project: pytest.Pytester) -> None:
    asked(project)
    measured = '\n[expect.outcomes]\ncontains = "identical"\n[outcomes]\nprompt = "a"\ncontains = "b"\n'
    project.path.joinpath("probes/same.toml").write_text(PROBE + measured)
    assert collected(project, "-k", "same") == ["probes/same.toml::all-seeds"]


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("[workload]", "[workload]\nstepz = 1", "unknown key 'workload.stepz'; did you mean 'steps'?"),
        ("question", "questoin", "'question' is missing; this probe, or a file that it extends, must set it"),
        ("lm-train", "lm-trian", "candidate: unknown provider 'mlx-lm-trian'; did you mean 'mlx-lm-train'?"),
        (":varied", ":hallo", "extends: mlx-parity: has no workload 'hallo'; it has answers, hello, short, steep"),
        ("question", "question = =", "not TOML"),
    ],
)
def test_a_bad_probe_is_an_error_of_one_line(
    project: pytest.Pytester, written: str, instead: str, message: str
) -> None:
    asked(project)
    project.path.joinpath("probes/same.toml").write_text(PROBE.replace(written, instead))
    done = project.runpytest_subprocess("-p", "no:cacheprovider", "probes/same.toml")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    heading = next(number for number, line in enumerate(done.outlines) if "ERROR collecting" in line)
    line, after = done.outlines[heading + 1 : heading + 3]
    assert line.startswith(f"parity: probes/same.toml: {message}")
    assert "short test summary" in after


def test_probes_are_collected_where_only_the_judge_is(project: pytest.Pytester) -> None:
    asked(project)
    project.makeconftest(f"import sys; sys.modules.update(dict.fromkeys({ABSENT}))")
    assert len(collected(project)) == 5


def test_a_probe_whose_model_cannot_be_had_is_skipped_with_the_reason(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(project)
    own = PROBE.replace("[workload]", '[workload]\nmodel = "owner/none"').replace("[1, 42]", "[1]")
    project.path.joinpath("probes/same.toml").write_text(own)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(project.path / "empty"))
    done = project.runpytest_subprocess("-rs", "-p", "no:cacheprovider", "probes/same.toml")
    done.assert_outcomes(skipped=1)
    why = "model owner/none is not available (the hub may not be asked: HF_HUB_OFFLINE is set)"
    done.stdout.fnmatch_lines([f"SKIPPED*{why}"])
