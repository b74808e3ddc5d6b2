from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.canaries.catalogue import find
from parity.errors import BadTraceError, ExitStatus, ParityError
from parity.judge.blind_spots import BlindSpot
from parity.metrics import Stage
from parity.probe.shard import Shard
from parity.probe.values import ArmName, Expectation, Outcomes, Probe, VerdictKind
from parity.report.html import render_html
from parity.report.markdown import render_markdown
from parity.store.folder import check_out, new_run
from parity.store.run import explanation_folder, read_run, write_reports
from parity.trace.cell import cell_folder, note_exit, trace_path
from parity.trace.values import Ignored, Outcome
from tests.unit.made import EXPLANATION, HEADER, PROBE, START, step
from tests.unit.stored import FIRST, write_trace

if TYPE_CHECKING:
    from pathlib import Path

SPOTS = (
    BlindSpot(stage=Stage.BATCH, what="order and padding", because="all 64 rows are equal"),
    BlindSpot(stage=Stage.UPDATE, what="weight decay", because="it is 0"),
)
ASKS = replace(
    FIRST,
    outcomes=Outcomes(prompt="<<HELLO!!>>", contains="a"),
    expect=Expectation(verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.IDENTICAL}),
)


def ran(run: Path, probe: Probe, *, candidate_contains: bool = True, effective: dict[str, Any] | None = None) -> None:
    """Leaves what the cells of a run leave, each arm with its outcome."""
    for seed in probe.workload.seeds:
        folder = cell_folder(run, probe, seed)
        for arm in ArmName:
            contains = candidate_contains if arm is ArmName.CANDIDATE else True
            ignored = Ignored(name="f.layers", asked=16, effective=None, why="no such parameter")
            start = replace(START, ignored=(ignored,)) if arm is ArmName.CANDIDATE else START
            write_trace(
                trace_path(folder, arm),
                replace(HEADER, arm=str(arm), seed=seed),
                *map(step, (1, 2, 3)),
                start=replace(start, effective=effective or START.effective),
                outcome=Outcome(metrics={"contains": contains}),
            )
        note_exit(folder, 0)


def test_latest_points_at_the_newest_run_and_the_older_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = new_run(None, [PROBE], {}), new_run(None, [PROBE], {})
    assert first != second
    assert (tmp_path / "reports" / "latest").resolve() == (tmp_path / second).resolve()
    assert (first / "plan.json").is_file()


def test_a_folder_called_latest_is_not_ours_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports" / "latest").mkdir(parents=True)
    with pytest.raises(ParityError, match="reports/latest: not a link that parity made"):
        new_run(None, [PROBE], {})


def test_an_out_that_holds_something_or_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_out(tmp_path / "out")
    check_out(tmp_path / "new")
    (tmp_path / "out" / "mine").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for out, said in (
        ("out", "not empty; name a new folder"),
        ("file", "not a folder; name a new one"),
        ("link", "not a folder; name a new one"),
    ):
        with pytest.raises(ParityError, match=said):
            check_out(tmp_path / out)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ParityError, match="cannot be written"):
        new_run(tmp_path / "file" / "run", [PROBE], {})


def test_seeds_that_were_never_started_are_missing_and_not_passed(tmp_path: Path) -> None:
    result = read_run(new_run(tmp_path / "run", [PROBE], {}), find)
    assert result.probes[0].cells == ()
    assert not result.expected


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (None, "not the folder of a run: it has no readable plan.json"),
        ("{", "not the folder of a run: it has no readable plan.json"),
        ("[]", "not the folder of a run: it has no readable plan.json"),
        ('{"schema": 7}', "a run of schema 7, this parity reads 4: use a newer parity"),
        (
            '{"schema": 2}',
            "a run of schema 2, this parity reads 4: judge it with the parity that wrote it, or run it again",
        ),
        ('{"schema": 4, "probes": []}', "not the folder of a run: it has no readable plan.json"),
        (
            '{"schema": 4, "probes": [], "blind_spots": {"a": [{"stage": "btch", "what": "it", "because": "so"}]}, '
            '"not_run": {}, "models": {}, '
            '"promised": {"controls": [], "repetitions": 1, "canaries": [], "goldens": []}, '
            '"shard": null, "missing_shards": null}',
            "not the folder of a run: it has no readable plan.json",
        ),
        (
            '{"schema": 4, "probes": [], "blind_spots": {"a": ["it"]}, '
            '"not_run": {}, "models": {}, '
            '"promised": {"controls": [], "repetitions": 1, "canaries": [], "goldens": []}, '
            '"shard": null, "missing_shards": null}',
            "not the folder of a run: it has no readable plan.json",
        ),
    ],
)
def test_what_is_no_run_is_one_line(tmp_path: Path, plan: str | None, message: str) -> None:
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(BadTraceError) as error:
        read_run(tmp_path, find)
    assert str(error.value) == f"{tmp_path}: {message}"


def test_what_a_probe_cannot_show_is_kept_in_the_plan_and_read_back(tmp_path: Path) -> None:
    other = replace(PROBE, name="current/other")
    run = new_run(tmp_path / "run", [PROBE, other], {PROBE.name: SPOTS})
    plan = json.loads((run / "plan.json").read_text())
    assert plan["blind_spots"] == {
        "current/self": [
            {"stage": "batch", "what": "order and padding", "because": "all 64 rows are equal"},
            {"stage": "update", "what": "weight decay", "because": "it is 0"},
        ]
    }
    first, second = read_run(run, find).probes
    assert (first.blind, second.blind) == (SPOTS, ())


@pytest.mark.parametrize("shard", [{"number": 3, "of": 2}, {"number": 0, "of": 2}, {"number": "1", "of": 2}, {}, []])
def test_a_shard_that_there_cannot_be_is_no_plan(tmp_path: Path, shard: object) -> None:
    run = new_run(tmp_path / "run", [PROBE], {})
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps(plan | {"shard": shard}))
    with pytest.raises(BadTraceError, match=r"not the folder of a run: it has no readable plan\.json"):
        read_run(run, find)


def test_the_plan_of_a_shard_is_the_whole_one_and_its_verdict_is_of_its_share(tmp_path: Path) -> None:
    other = replace(PROBE, name="current/other", workload=replace(PROBE.workload, seeds=(1,)))
    run = new_run(tmp_path / "run", [PROBE, other], {}, shard=Shard(number=2, of=3))
    plan = json.loads((run / "plan.json").read_text())
    assert (plan["schema"], plan["shard"]) == (4, {"number": 2, "of": 3})
    assert [(probe["name"], probe["workload"]["seeds"]) for probe in plan["probes"]] == [
        ("current/self", [1, 42]),
        ("current/other", [1]),
    ]
    result = read_run(run, find)
    assert [(each.probe.name, each.probe.workload.seeds) for each in result.probes] == [("current/self", (42,))]
    assert result.shard == Shard(number=2, of=3)


@pytest.mark.parametrize(("number", "status"), [(1, ExitStatus.EXPECTED), (2, ExitStatus.EXPECTED)])
def test_outcomes_over_all_seeds_decide_nothing_in_a_shard(tmp_path: Path, number: int, status: ExitStatus) -> None:
    run = new_run(tmp_path / "run", [ASKS], {}, shard=Shard(number=number, of=2))
    ran(run, ASKS, candidate_contains=False)
    result = read_run(run, find)
    assert (result.status, dict(result.postponed)) == (status, {"current/self": ("contains",)})
    report = render_markdown(result)
    assert report.startswith(f"✅ **Shard {number} of 2. 1 probe, as expected: identical.**")
    why = "cannot be judged yet: not all seeds are here; merge all shards"
    assert f"\n- current/self: contains {why}\n" in report


def test_a_probe_whose_model_could_not_be_had_says_so_again(tmp_path: Path) -> None:
    why = "model owner/name is not available (the hub cannot be reached: refused)"
    run = new_run(tmp_path / "run", [ASKS], {}, not_run={ASKS.name: why})
    result = read_run(run, find)
    assert (result.status, result.probes[0].not_run) == (ExitStatus.UNDECIDED, why)
    report = render_markdown(result)
    assert report.startswith("❔ **Not decided: 1 of 1 probe was not run: model owner/name is not available ")
    assert "| – current/self | Is it the same? | 1, 42 | not run |  |" in report
    assert "| 42 | – not run | – |" in report
    assert "Expected identical, contains identical: not decided." in report
    assert "✗" not in report


def test_the_probe_of_a_plan_keeps_what_it_asks_for_and_expects_of_outcomes(tmp_path: Path) -> None:
    result = read_run(new_run(tmp_path / "run", [ASKS], {}), find)
    assert result.probes[0].probe == ASKS


@pytest.mark.parametrize(
    ("contains", "status", "unmet", "kind"),
    [
        (True, ExitStatus.EXPECTED, (), VerdictKind.IDENTICAL),
        (False, ExitStatus.UNDECIDED, ("contains",), VerdictKind.INCONCLUSIVE),
    ],
)
def test_outcomes_are_judged_again_from_the_traces(
    tmp_path: Path, contains: bool, status: ExitStatus, unmet: tuple[str, ...], kind: VerdictKind
) -> None:
    run = new_run(tmp_path / "run", [ASKS], {})
    ran(run, ASKS, candidate_contains=contains)
    result = read_run(run, find)
    (probe,) = result.probes
    assert (probe.kind, probe.outcomes["contains"].kind) == (VerdictKind.IDENTICAL, kind)
    assert (probe.unmet_outcomes, result.status) == (unmet, status)


def test_an_outcome_that_only_some_seeds_have_is_judged_over_those_and_the_probe_is_not_met(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", [ASKS], {})
    ran(run, replace(ASKS, workload=replace(ASKS.workload, seeds=(1,))))
    result = read_run(run, find)
    assert result.probes[0].outcomes["contains"].reason == "1 of 1 against 1 of 1 seeds, the same at every seed"
    assert (result.probes[0].missing, result.status) == ((42,), ExitStatus.UNDECIDED)


def test_a_bound_that_never_binds_joins_what_was_known_before(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", [ASKS], {ASKS.name: SPOTS})
    ran(run, ASKS, effective={"clip": "value 1.0"})
    because = "the reference's bound, value 1.0, and the candidate's bound, value 1.0, never bind in 3 steps"
    clipping = BlindSpot(stage=Stage.CLIP, what="clipping", because=because)
    assert read_run(run, find).probes[0].blind_spots == (SPOTS[0], clipping, SPOTS[1])


def test_the_written_reports_hold_outcomes_warnings_and_what_cannot_be_shown(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", [ASKS], {ASKS.name: SPOTS})
    ran(run, ASKS)
    write_reports(run, read_run(run, find))
    (probe,) = json.loads((run / "results.json").read_text())["probes"]
    assert (probe["outcomes"]["contains"]["verdict"], len(probe["blind_spots"])) == ("identical", 2)
    report = (run / "report.md").read_text()
    for part in (
        "- ✓ contains **identical**",
        "- ⚠ ignored: f.layers",
        "what this workload cannot show</summary>\n\norder and padding",
    ):
        assert part in report
    assert (run / "report.html").read_text() == render_html(read_run(run, find)) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting property name enclosed in double quotes, at character 2"),
        ("[]", "Input should be an object"),
        ('{"probe": "p"}', "seed: Field required"),
        (
            json.dumps(EXPLANATION | {"causes": [EXPLANATION["causes"][0] | {"alone": []}]}),
            "causes.0: Value error, as many lines as factors that were put alone into the reference",
        ),
        (json.dumps(EXPLANATION | {"causes": 3}), "causes: Input should be a valid array"),
        ("\udcff", "not UTF-8, at byte 0"),
    ],
)
def test_what_is_no_explanation_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    run = new_run(tmp_path / "run", [PROBE], {})
    ran(run, PROBE)
    file = explanation_folder(run, PROBE) / "explanation.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadTraceError) as raised:
        read_run(run, find)
    assert str(raised.value) == (f"{file}: not an explanation ({said}); remove it, and `parity report` does without it")
