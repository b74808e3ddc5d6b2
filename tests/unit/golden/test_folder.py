from __future__ import annotations

import platform
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.errors import BadGoldenError
from parity.golden.file import golden_name, write_golden
from parity.golden.folder import check_run, find_goldens, keep_goldens
from parity.golden.values import golden_of
from parity.golden.workload import asked, what_differs
from parity.metrics import Stage
from parity.probe.values import Arm, Lora, Probe
from tests.unit.made import HEADER, PROBE, step, trace

if TYPE_CHECKING:
    from pathlib import Path

    from parity.trace.values import Trace

HERE = "linux-x86_64-cpu"


@pytest.fixture(autouse=True)
def _on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    data, model = tmp_path / "data", tmp_path / "model"
    for folder in (data, model):
        folder.mkdir()
    (data / "train.jsonl").write_text('{"text": "a"}\n')
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    workload = replace(PROBE.workload, model=str(model), data=str(data), seeds=(1, 42), steps=3)
    return replace(PROBE, workload=workload)


def golden(folder: Path, probe: Probe, seed: int, of_platform: str = HERE) -> Path:
    recorded = golden_of(trace(header=replace(HEADER, seed=seed)), asked(probe))
    path = folder / of_platform / golden_name(probe.name, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write_golden(recorded))
    return path


def reference(*, loss: float = 1.5) -> dict[int, Trace]:
    return {seed: trace(step(1, loss=loss), step(2), step(3), header=replace(HEADER, seed=seed)) for seed in (1, 42)}


def test_what_decides_what_a_reference_computes_is_asked(probe: Probe, tmp_path: Path) -> None:
    told = asked(probe)
    workload = probe.workload
    for changed in (
        replace(probe, workload=replace(workload, batch_size=4)),
        replace(probe, workload=replace(workload, lora=Lora(rank=4))),
        replace(probe, reference=Arm(provider="mlx-lm-train")),
        replace(probe, reference=Arm(provider="mlx-lm", stages={Stage.LOSS: "unsloth-zoo"})),
        replace(probe, reference=Arm(provider="mlx-lm", settings={"clip_grad_norm": 1.0})),
        replace(probe, reference=Arm(provider="mlx-lm", keywords={"f": {"a": 1}})),
        replace(probe, reference=Arm(provider="mlx-lm", workload=replace(workload, accumulation=2))),
    ):
        assert len(what_differs(told, asked(changed))) == 1
    for same in (
        replace(probe, candidate=Arm(provider="unsloth-zoo")),
        replace(probe, workload=replace(workload, seeds=(7,))),
        replace(probe, environment={"mlx": "0.30.0"}),
    ):
        assert asked(same) == told
    (tmp_path / "data" / "train.jsonl").write_text('{"text": "b"}\n')
    (tmp_path / "model" / "model.safetensors").write_bytes(b"others")
    assert [line.split()[0] for line in what_differs(told, asked(probe))] == ["model", "data"]


def test_a_hub_id_is_its_own_name(probe: Probe) -> None:
    assert asked(replace(probe, workload=replace(probe.workload, model="owner/name")))["model"] == "owner/name"


def test_a_run_keeps_its_goldens_and_is_compared_with_them(probe: Probe, tmp_path: Path) -> None:
    source, run = tmp_path / "golden", tmp_path / "run"
    for path in (golden(source, probe, 1), golden(source, probe, 42)):
        assert path.is_file()
    keep_goldens(find_goldens(source, [probe], decides=True), run)
    same = check_run(run, [probe], lambda _, seed: reference()[seed])
    assert same is not None
    assert (same.decides, same.platform, same.moved, same.absent) == (True, HERE, (), ())
    moved = check_run(run, [probe], lambda _, seed: reference(loss=1.25 if seed == 42 else 1.5)[seed])
    assert moved is not None
    assert moved.moved == (("current/self", 42),)


def test_a_cell_without_a_golden_is_absent_and_one_without_a_reference_is_told_elsewhere(
    probe: Probe, tmp_path: Path
) -> None:
    golden(tmp_path / "golden", probe, 1)
    run = tmp_path / "run"
    keep_goldens(find_goldens(tmp_path / "golden", [probe], decides=True), run)
    found = check_run(run, [probe], lambda _, seed: reference()[seed])
    assert found is not None
    assert (list(found.drifts), found.absent) == ([("current/self", 1)], (("current/self", 42),))
    failed = check_run(run, [probe], lambda *_: None)
    assert failed is not None
    assert (failed.drifts, failed.absent) == ({}, ())


def test_a_golden_of_another_device_is_not_taken_for_this_one(probe: Probe, tmp_path: Path) -> None:
    golden(tmp_path / "golden", probe, 1)
    run = tmp_path / "run"
    keep_goldens(find_goldens(tmp_path / "golden", [probe], decides=True), run)
    gpu = {**HEADER.provenance, "device": {"type": "gpu", "deterministic": False, "name": "M4"}}
    found = check_run(run, [probe], lambda *_: trace(header=replace(HEADER, seed=1, provenance=gpu)))
    assert found is not None
    assert (found.platform, found.drifts, len(found.absent)) == ("linux-x86_64-gpu", {}, 2)


def test_nobody_asked_and_nothing_there_says_nothing(probe: Probe, tmp_path: Path) -> None:
    found = find_goldens(tmp_path / "none", [probe], decides=False)
    assert (found.texts, found.passed_over) == ({}, ())
    (tmp_path / "run").mkdir()
    keep_goldens(found, tmp_path / "run")
    assert check_run(tmp_path / "run", [probe], lambda *_: None) is None
    assert not any((tmp_path / "run").iterdir())


def test_a_folder_that_was_named_must_be_there(probe: Probe, tmp_path: Path) -> None:
    with pytest.raises(BadGoldenError) as error:
        find_goldens(tmp_path / "none", [probe], decides=True)
    assert str(error.value) == f"--golden {tmp_path}/none: no such folder; `parity record` writes goldens"


def test_another_workload_is_said_with_what_differs_and_where_goldens_do_not_decide_it_is_passed_over(
    probe: Probe, tmp_path: Path
) -> None:
    path = golden(tmp_path / "golden", probe, 1)
    shorter = replace(probe, workload=replace(probe.workload, steps=2, batch_size=4))
    said = (
        f"{path}: recorded for a different workload: steps 3 → 2, batch_size 6 → 4; "
        "run that workload, or replace the golden with `parity record --force`"
    )
    with pytest.raises(BadGoldenError) as error:
        find_goldens(tmp_path / "golden", [shorter], decides=True)
    assert str(error.value) == said
    found = find_goldens(tmp_path / "golden", [shorter], decides=False)
    assert (found.texts, found.passed_over) == ({}, (said,))


def test_each_bad_golden_is_a_line_of_its_own(probe: Probe, tmp_path: Path) -> None:
    for seed in (1, 42):
        path = golden(tmp_path / "golden", probe, seed)
        path.write_text(path.read_text().replace("0.001", "0.002", 1))
    with pytest.raises(BadGoldenError) as error:
        find_goldens(tmp_path / "golden", [probe], decides=True)
    first, second = str(error.value).split("\nparity: ")
    assert "current-self-1.txt: edited by hand" in first
    assert "current-self-42.txt: edited by hand" in second


def test_a_golden_of_another_platform_in_this_ones_folder_is_refused(probe: Probe, tmp_path: Path) -> None:
    golden(tmp_path / "golden", probe, 1, of_platform="linux-x86_64-gpu")
    with pytest.raises(BadGoldenError, match="recorded on linux-x86_64-cpu, but kept under linux-x86_64-gpu"):
        find_goldens(tmp_path / "golden", [probe], decides=True)


def test_goldens_of_other_machines_are_left_alone(probe: Probe, tmp_path: Path) -> None:
    path = golden(tmp_path / "golden", probe, 1, of_platform="macos-arm64-gpu")
    path.write_text("not a golden")
    assert find_goldens(tmp_path / "golden", [probe], decides=True).texts == {}


@pytest.mark.parametrize("left", ["", "{", "[]", '{"decides": true}', '{"decides": 1, "passed_over": []}', None])
def test_a_damaged_index_of_kept_goldens_is_one_line(probe: Probe, tmp_path: Path, left: str | None) -> None:
    run = tmp_path / "run"
    golden(tmp_path / "goldens", probe, 1)
    keep_goldens(find_goldens(tmp_path / "goldens", [probe], decides=True), run)
    index = run / "goldens" / "goldens.json"
    index.unlink() if left is None else index.write_text(left)
    with pytest.raises(BadGoldenError, match=re.escape(f"{index}: damaged or missing; run it again")):
        check_run(run, [probe], lambda _, seed: reference()[seed])
