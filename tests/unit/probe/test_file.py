from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from parity.errors import BadProbeError
from parity.metrics import Stage
from parity.probe.file import find_probes, read_probe
from parity.probe.values import ArmName, Lora, Probe, VerdictKind, from_plain, to_plain

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "fixtures" / "models" / "tiny-gemma3"


def test_a_probe_is_read_into_values(folder: Path) -> None:
    probe = read_probe(folder / "right.toml")
    assert probe.name == f"{folder.name}/right"
    assert probe.workload.seeds == (1, 2)
    assert probe.workload.data == str(folder / "data")
    assert probe.candidate.stages == {Stage.LOAD: "mlx-lm"}
    assert probe.candidate.settings == {"max_grad_value": 0.5}
    assert (probe.expect.verdict, probe.expect.stage, probe.expect.step) == (
        VerdictKind.DIVERGED,
        Stage.CLIP,
        1,
    )


@pytest.mark.parametrize("path", sorted((ROOT / "probes").glob("[co]*/*.toml")), ids=lambda path: path.stem)
def test_every_probe_of_the_project_survives_the_way_to_its_cell(path: Path) -> None:
    probe = read_probe(path)
    back = from_plain(json.loads(json.dumps(to_plain(probe))))
    assert isinstance(back, Probe)
    assert to_plain(back) == to_plain(probe)
    assert back.workload == from_plain(to_plain(probe)).workload


def test_this_file_wins_over_what_it_extends_table_by_table(folder: Path) -> None:
    (folder / "more.toml").write_text('extends = "right.toml"\n[candidate.settings]\nuse_cce = true\n')
    probe = read_probe(folder / "more.toml")
    assert probe.candidate.settings == {"max_grad_value": 0.5, "use_cce": True}
    assert probe.question == "Is it?"


def test_of_two_bases_the_later_wins(folder: Path) -> None:
    (folder / "steps.toml").write_text("[workload]\nsteps = 3\n")
    (folder / "more.toml").write_text('extends = ["right.toml", "steps.toml"]\n')
    assert read_probe(folder / "more.toml").workload.steps == 3


def test_a_path_is_relative_to_the_file_that_says_it(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "more.toml").write_text('extends = "../right.toml"\n')
    assert read_probe(folder / "below" / "more.toml").workload.data == str(folder / "data")


def test_a_hub_id_stays_one(folder: Path) -> None:
    assert read_probe(folder / "right.toml", ['workload.model="owner/name"']).workload.model == "owner/name"


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("candidate.settings.max_grad_value=0.1", {"max_grad_value": 0.1}),
        ('candidate.settings.patch_mode="unpatched"', {"max_grad_value": 0.5, "patch_mode": "unpatched"}),
        ("candidate.settings.patch_mode=unpatched", {"max_grad_value": 0.5, "patch_mode": "unpatched"}),
    ],
)
def test_set_wins_over_the_file(folder: Path, override: str, value: dict[str, object]) -> None:
    assert read_probe(folder / "right.toml", [override]).candidate.settings == value


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("workload.stepz=3", "unknown key 'workload.stepz'; did you mean 'steps'?"),
        ("worklaod.steps=3", "unknown key 'worklaod'; did you mean 'workload'?"),
        ("workload.lora.rnk=3", "unknown key 'workload.lora.rnk'; did you mean 'rank'?"),
        ("candidate.provder='x'", "unknown key 'candidate.provder'; did you mean 'provider'?"),
        ("workload.steps='3'", "workload.steps: must be a valid integer, not '3'"),
        ("workload.steps=3.5", "workload.steps: must be a valid integer, not 3.5"),
        ("workload.steps=0", "workload.steps: must be greater than or equal to 1, not 0"),
        ("minutes=0", "minutes: must be greater than 0, not 0"),
        ("minutes='5'", "minutes: must be a valid number, not '5'"),
        ("workload.seeds=[]", "workload.seeds: must have at least 1, not []"),
        ("workload.seeds=[7,7]", "workload.seeds: 7 is listed twice; each seed is one cell"),
        ("workload.seeds=[0,0]", "workload.seeds: 0 is listed twice; each seed is one cell"),
        ("workload.optimizer.learning_rate=nan", "workload.optimizer.learning_rate: must be a finite number, not nan"),
        ("expect.verdict='idential'", "expect.verdict: unknown 'idential'; did you mean 'identical'?"),
        ("expect.verdict='invalid'", "expect.verdict: 'invalid' and 'not run' cannot be expected"),
        ("expect.verdict='not run'", "expect.verdict: 'invalid' and 'not run' cannot be expected"),
        (
            "expect.verdict='identical'",
            "expect.stage and expect.step go with verdict 'diverged' or 'within', not 'identical'",
        ),
        ("expect.only=['los']", "expect.only.0: unknown 'los'; did you mean 'loss'?"),
        ("expect.only=['loss']", "expect.only: must hold 'clip', where the divergence is declared to start"),
        ("expect={verdict='within', only=['clip']}", "expect.only goes with verdict 'diverged', not 'within'"),
        ("expect.equal=['los']", "expect.equal: unknown metric 'los'; did you mean 'loss'?"),
        ("tolerance.los=1", "tolerance: unknown metric 'los'; did you mean 'loss'?"),
        (
            "tolerance.params=1",
            "tolerance: unknown metric 'params'; valid: clipped_norm, counter, grad_norm, loss, lr, tokens",
        ),
        ("expect.stage='cliip'", "expect.stage: unknown 'cliip'; did you mean 'clip'?"),
        ("candidate.stages.lod='mlx-lm'", "candidate.stages.lod: unknown 'lod'; did you mean 'load'?"),
        ("workload.batch_size=9", "workload.batch_size is 9, but {folder}/data has 8 rows; at most 8"),
        ("workload.model='./none'", "model {cwd}/none: no such folder; a hub id is written as owner/name"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_file_key_and_the_nearest(folder: Path, extra: str, message: str) -> None:
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml", [extra])
    said = message.format(folder=folder, cwd=Path.cwd())
    assert str(error.value) == f"{folder}/right.toml: {said}"


@pytest.mark.parametrize(
    ("overrides", "minutes"),
    [
        (["minutes=0.5"], 0.5),
        (["workload.steps=10"], 60),
        (["workload.steps=10", "workload.accumulation=2"], 90),
        (["workload.steps=10", "candidate.workload.accumulation=4"], 150),
    ],
)
def test_the_limit_of_time_follows_from_the_steps_unless_the_probe_says_it(
    folder: Path, overrides: list[str], minutes: float
) -> None:
    assert read_probe(folder / "right.toml", overrides).seconds == 60 * minutes


def test_an_arm_that_says_what_it_does_differently_gets_the_rest(folder: Path) -> None:
    changes = ["candidate.workload.lora.layers=18", "workload.batch_size=4", "candidate.workload.accumulation=3"]
    probe = read_probe(folder / "right.toml", changes)
    assert probe.reference.workload is None
    assert probe.workload_of(ArmName.REFERENCE) is probe.workload
    own = probe.workload_of(ArmName.CANDIDATE)
    assert (own.lora.layers, own.accumulation, own.batch_size, own.steps) == (18, 3, 4, probe.workload.steps)
    assert (probe.workload.lora.layers, probe.workload.accumulation) == (16, 1)
    again = from_plain(json.loads(json.dumps(to_plain(probe)))).workload_of(ArmName.CANDIDATE)
    assert asdict(again) == asdict(own)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("candidate.workload.steps=3", "candidate.workload.steps: both arms share it; set it under [workload]"),
        ("reference.workload.seeds=[3]", "reference.workload.seeds: both arms share it; set it under [workload]"),
        (
            "candidate.workload.acumulation=3",
            "unknown key 'candidate.workload.acumulation'; did you mean 'accumulation'?",
        ),
        (
            "candidate.workload.batch_size=9",
            "candidate.workload.batch_size is 9, but {folder}/data has 8 rows; at most 8",
        ),
        ("workload.schedule.name='cosin'", "workload.schedule.name: unknown 'cosin'; did you mean 'cosine'?"),
        ("workload.tuning='qlora'", "workload.tuning: unknown 'qlora'; did you mean 'lora'?"),
    ],
)  # fmt: skip
def test_a_mistake_in_what_an_arm_does_differently_is_one_line(folder: Path, change: str, message: str) -> None:
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml", [change])
    assert str(error.value) == f"{folder}/right.toml: " + message.format(folder=folder)


def test_a_folder_without_a_dot_is_still_a_folder(folder: Path) -> None:
    (folder / "m").symlink_to(MODEL)
    (folder / "more.toml").write_text('extends = "right.toml"\n[workload]\nmodel = "m"\n')
    assert read_probe(folder / "more.toml").workload.model == str(MODEL.resolve())


def test_a_probe_that_extends_itself_is_one_line(folder: Path) -> None:
    (folder / "a.toml").write_text('extends = "b.toml"\n')
    (folder / "b.toml").write_text('extends = "a.toml"\n')
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "a.toml")
    assert str(error.value) == f"{folder}/a.toml: extends itself (a.toml → b.toml → a.toml)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question = ", "not TOML (Invalid value (at end of document))"),
        ("", "'question' is missing; this probe, or a file that it extends, must set it"),
        ('extends = "none.toml"', "extends: {folder}/none.toml does not exist"),
        ("extends = 3", "extends must be a file name or a list of file names, relative to this file"),
    ],
)
def test_a_file_that_is_no_probe_is_one_line(folder: Path, text: str, message: str) -> None:
    (folder / "bad.toml").write_text(text)
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "bad.toml")
    assert str(error.value) == f"{folder}/bad.toml: " + message.format(folder=folder)


def test_a_folder_is_its_probes_in_order(folder: Path) -> None:
    (folder / "another.toml").write_text("")
    assert find_probes([folder, folder / "right.toml"]) == [folder / "another.toml", folder / "right.toml"]
    with pytest.raises(BadProbeError, match=r"data: no probes \(\*\.toml\) in this folder"):
        find_probes([folder / "data"])
    with pytest.raises(BadProbeError, match="none: cannot be read"):
        read_probe(folder / "none")


ASKED = ("outcomes.prompt='<<HELLO!!>>'",)
ALL = (*ASKED, "outcomes.completion='Unsloth!'", "outcomes.contains='Uns'")


def test_outcomes_are_read_with_their_expectations_and_survive_the_way_to_a_cell(folder: Path) -> None:
    expected = {"post_train_loss": "identical", "completion_loss": "inconclusive", "contains": "diverged"}
    expect = [f"expect.outcomes.{name}='{kind}'" for name, kind in expected.items()]
    probe = read_probe(folder / "right.toml", [*ALL, *expect])
    assert probe.outcomes is not None
    assert asdict(probe.outcomes) == {
        "prompt": "<<HELLO!!>>",
        "completion": "Unsloth!",
        "contains": "Uns",
        "max_tokens": 48,
    }
    assert probe.expect.outcomes == {name: VerdictKind(kind) for name, kind in expected.items()}
    back = from_plain(json.loads(json.dumps(to_plain(probe))))
    assert (asdict(back)["outcomes"], back.expect.outcomes) == (asdict(probe.outcomes), probe.expect.outcomes)
    assert isinstance(back.expect.outcomes["contains"], VerdictKind)


def test_nothing_is_measured_where_nothing_is_asked(folder: Path) -> None:
    probe = read_probe(folder / "right.toml")
    assert (probe.outcomes, probe.expect.outcomes) == (None, {})
    assert from_plain(json.loads(json.dumps(to_plain(probe)))).outcomes is None


KINDS = "must be one of 'identical', 'diverged', 'inconclusive'"
UNMEASURED = "this probe does not measure it; ask for it under [outcomes]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ("outcomes.completion='a'",),
            "'outcomes.prompt' is missing; this probe, or a file that it extends, must set it",
        ),
        ((*ASKED, "outcomes.promt='a'"), "unknown key 'outcomes.promt'; did you mean 'prompt'?"),
        (("outcomes.prompt=''",), "outcomes.prompt: String must have at least 1 character, not ''"),
        ((*ASKED, "outcomes.max_tokens=0"), "outcomes.max_tokens: must be greater than or equal to 1, not 0"),
        ((*ASKED, "outcomes.contains=3"), "outcomes.contains: must be a valid string, not 3"),
        (("expect.outcomes.post_train_loss='identical'",), f"expect.outcomes.post_train_loss: {UNMEASURED}"),
        ((*ASKED, "expect.outcomes.contains='diverged'"), f"expect.outcomes.contains: {UNMEASURED}"),
        (
            (*ASKED, "outcomes.contains='a'", "expect.outcomes.completion_loss='diverged'"),
            f"expect.outcomes.completion_loss: {UNMEASURED}",
        ),
        (
            (*ALL, "expect.outcomes.contain='diverged'"),
            "expect.outcomes: unknown outcome 'contain'; did you mean 'contains'?",
        ),
        (
            (*ALL, "expect.outcomes.generated='identical'"),
            "expect.outcomes: unknown outcome 'generated'; valid: completion_loss, contains, post_train_loss",
        ),
        (
            (*ALL, "expect.outcomes.contains='identicl'"),
            "expect.outcomes.contains: unknown 'identicl'; did you mean 'identical'?",
        ),
        ((*ALL, "expect.outcomes.contains='invalid'"), f"expect.outcomes.contains: {KINDS}, not 'invalid'"),
        ((*ALL, "expect.outcomes.contains='within'"), f"expect.outcomes.contains: {KINDS}, not 'within'"),
    ],
)  # fmt: skip
def test_a_mistake_in_outcomes_is_one_line(folder: Path, changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml", changes)
    assert str(error.value) == f"{folder}/right.toml: {message}"


def test_within_says_where_it_starts_as_diverged_does(folder: Path) -> None:
    expect = read_probe(folder / "right.toml", ["expect.verdict='within'", "expect.step=0"]).expect
    assert (expect.verdict, expect.stage, expect.step) == (VerdictKind.WITHIN, Stage.CLIP, 0)
    with pytest.raises(BadProbeError, match="go with verdict 'diverged' or 'within', not 'inconclusive'"):
        read_probe(folder / "right.toml", ["expect.verdict='inconclusive'"])


def test_files_that_extend_the_next_one_twice_are_read_once_each(folder: Path) -> None:
    for number in range(18):
        (folder / f"{number}.toml").write_text(f'extends = ["{number + 1}.toml", "{number + 1}.toml"]\n')
    (folder / "18.toml").write_text((folder / "right.toml").read_text())
    assert read_probe(folder / "0.toml").workload == read_probe(folder / "right.toml").workload
    (folder / "more.toml").write_text('extends = ["0.toml"]\n')
    (folder / "most.toml").write_text('extends = ["more.toml"]\n')
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "most.toml")
    assert str(error.value) == f"{folder}/most.toml: extends a file that extends a file, and so on; 20 may"


def test_what_two_files_extend_is_changed_by_neither(folder: Path) -> None:
    (folder / "a.toml").write_text('extends = "right.toml"\n[workload.lora]\nrank = 2\n')
    (folder / "b.toml").write_text('extends = ["a.toml", "right.toml"]\n[workload.lora]\nscale = 3.0\n')
    (folder / "c.toml").write_text('extends = ["b.toml", "right.toml", "a.toml"]\n')
    assert asdict(read_probe(folder / "c.toml").workload.lora) == asdict(Lora(rank=2, scale=3.0))
    assert asdict(read_probe(folder / "right.toml").workload.lora) == asdict(Lora())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a = " + "[" * 1_000, "not TOML (nested more than 100 levels deep)"),
        ("a = " + "1" * 5_000, "not TOML (a whole number of more than 300 digits)"),
        ('extends = "fifo"', "fifo: cannot be read (not a plain file)"),
        ('extends = "loop"', "extends: {folder}/loop does not exist"),
        ('extends = "\\u0000"', "does not exist"),
        (f'extends = "{"n" * 300}"', "does not exist"),
        ('extends = "data"', "data: cannot be read (Is a directory)"),
        ('[workload]\ndata = "loop"', "workload.data: Too many levels of symbolic links"),
        ('[workload]\ndata = "a\\u0000b"', "workload.data: a path with a NUL"),
        (f'[workload]\nmodel = "/{"n" * 300}"', "workload.model: a name of 300 bytes; 255 are allowed"),
        ('[environment]\nmlx = "./loop"', "environment: Too many levels of symbolic links"),
        ('[environment]\nmlx = "./fifo"', "fifo is neither a checkout nor a wheel (*.whl)"),
        (f"[workload]\nseeds = {[*range(100_000)]}", "workload.seeds: must have at most 10,000, not 100,000"),
    ],
)
def test_what_once_ended_in_a_traceback_or_never_is_one_line(folder: Path, line: str, said: str) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to(folder / "loop")
    extends = "" if "extends" in line else 'extends = "right.toml"\n'
    (folder / "bad.toml").write_text(extends + line)
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "bad.toml")
    assert said.format(folder=folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_message_quotes_no_more_than_can_be_read(folder: Path) -> None:
    with pytest.raises(BadProbeError) as error:
        read_probe(folder / "right.toml", [f"question={['a' * 10_000]}"])
    assert str(error.value).endswith("aaa…")
    assert len(str(error.value)) < 400 + len(str(folder))
