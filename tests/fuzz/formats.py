"""Every format that comes from outside: a valid file of it, and what a command does with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from parity.canaries.catalogue import find
from parity.errors import BadGoldenError, BadProbeError, BadResultError, BadTraceError, ParityError
from parity.gate.result import RunResult
from parity.golden.drift import drift
from parity.golden.file import golden_name, read_golden, write_golden
from parity.golden.folder import Goldens, check_run, keep_goldens
from parity.golden.values import golden_of
from parity.judge.cell import judge_cell, probe_result
from parity.judge.comparison import compare
from parity.judge.outcome_table import read_outcomes
from parity.judge.outcomes import judge_rates, judge_shift
from parity.judge.recorded import read_recorded
from parity.probe.file import read_probe
from parity.probe.inputs import check_inputs, read_rows
from parity.probe.values import ArmName
from parity.report.comparison import comparison_markdown
from parity.report.json import outcome_tree, render_comparisons, render_json
from parity.report.markdown import render_markdown
from parity.store.collect import read_stored
from parity.store.folder import new_run
from parity.store.merge import merged
from parity.store.plan import PLAN, read_plan
from parity.store.results import read_result
from parity.store.run import EXPLANATION, explanation_folder, read_run, with_explanations
from parity.trace.cell import EXIT, ReadArm, ReadCell, cell_folder, read_cell, trace_path
from parity.trace.control import Bare, note_control
from parity.trace.file import read_trace
from parity.trace.values import Executed, Ignored, Outcome
from tests.unit.made import END, HEADER, PRINTED, PROBE, START, divergence, judged, probe_of, trace
from tests.unit.made import EXPLANATION as EXPLAINED
from tests.unit.stored import FIRST, left_by_a_cell, shard_at, write_trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probe.values import Probe
    from parity.trace.values import Trace

MODEL = Path(__file__).parents[2] / "fixtures" / "models" / "tiny-gemma3"
ASKED = {"model": "0a", "batch_size": "6"}
PLATFORM = "linux-x86_64-cpu"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A valid file, and what reads it."""

    file: Path
    read: Callable[[], object]
    refuses: tuple[type[Exception], ...]
    """What may be raised, and nothing else."""
    lines: bool = False
    is_json: bool = False


def _probe(folder: Path) -> Sample:
    file = folder / "probe.toml"
    _rows(folder / "data")
    (folder / "base.toml").write_text('question = "Is it?"\n[expect]\nverdict = "identical"\n')
    file.write_text(
        f"""
        extends = ["base.toml"]
        [workload]
        model = "{MODEL}"
        data = "data"
        seeds = [1, 42]
        lora = {{ rank = 8, modules = ["self_attn.q_proj"] }}
        [reference]
        provider = "mlx-lm"
        [candidate]
        provider = "unsloth-zoo"
        stages = {{ load = "mlx-lm" }}
        settings = {{ max_grad_value = 0.5 }}
        [environment]
        mlx-lm = "0.31.0"
        [tolerance]
        loss = 0.5
        [outcomes]
        prompt = "a"
        contains = "b"
        [expect]
        verdict = "diverged"
        stage = "clip"
        step = 1
        equal = ["tokens"]
        outcomes = {{ contains = "identical" }}
        """
    )
    return Sample(file=file, read=lambda: read_probe(file), refuses=(BadProbeError,))


def _option(folder: Path) -> Sample:
    probe, file = _probe(folder).file, folder / "option"
    file.write_text("workload={seeds = [1, 2], steps = 30, lora.rank = 8}")

    def read() -> None:
        read_probe(probe, [file.read_bytes().decode("utf-8", errors="surrogateescape")])

    return Sample(file=file, read=read, refuses=(BadProbeError,))


def _data(folder: Path) -> Sample:
    file = _rows(folder)
    workload = replace(PROBE.workload, model=str(MODEL), data=str(folder), batch_size=2, mask_prompt=True)

    def read() -> None:
        read_rows(folder)
        check_inputs(workload)

    return Sample(file=file, read=read, refuses=(BadProbeError,), lines=True)


def _rows(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    chat = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    (folder / "train.jsonl").write_text(f"{json.dumps(chat)}\n" * 8)
    return folder / "train.jsonl"


def _log(folder: Path) -> Sample:
    file, other = folder / "log.jsonl", folder / "other.jsonl"
    rows = [{"iteration": number, "train_loss": 2.5 - number, "lr": 1e-3, "note": "a"} for number in (1, 2, 3)]
    for each in (file, other):
        each.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return Sample(file=file, read=lambda: _compared(file, other), refuses=(BadTraceError,), lines=True)


def _csv_log(folder: Path) -> Sample:
    file, other = folder / "log.csv", folder / "other.csv"
    for each in (file, other):
        each.write_text("# a run\nstep,loss,lr,note\n1,2.5,0.001,a\n2,1.5,0.001,b\n3,,nan,c\n")
    return Sample(file=file, read=lambda: _compared(file, other), refuses=(BadTraceError,))


def _printed_log(folder: Path) -> Sample:
    file, other = folder / "lora.log", folder / "other.log"
    for each in (file, other):
        each.write_text(PRINTED)
    return Sample(file=file, read=lambda: _compared(file, other), refuses=(BadTraceError,))


def _trainer_state(folder: Path) -> Sample:
    file, other = folder / "trainer_state.json", folder / "other.json"
    history = [
        {"step": 10, "epoch": 0.1, "loss": 2.5, "grad_norm": 1.0528565645217896, "learning_rate": 1e-05},
        {"step": 10, "epoch": 0.1, "eval_loss": 2.25, "eval_runtime": 3.5},
        {"step": 20, "epoch": 0.2, "loss": 2.125, "grad_norm": 1.25, "learning_rate": 5e-06},
    ]
    for each in (file, other):
        each.write_text(json.dumps({"global_step": 20, "log_history": history}))
    return Sample(file=file, read=lambda: _compared(file, other), refuses=(BadTraceError,), is_json=True)


def _compared(file: Path, other: Path) -> None:
    """As `parity diff` does."""
    found = compare(read_recorded(str(other)), read_recorded(str(file)), tolerance={})
    render_comparisons(found)
    comparison_markdown(found, (str(other), str(file)))


def _written(file: Path, of: Trace) -> None:
    """A trace in which every kind of line stands, with everything that one can say."""
    ran = Executed(distribution="mlx-lm 0.32.2", path="mlx_lm/utils.py", digest="aa", functions=("load",), outside="/x")
    told = Ignored(name="f.layers", asked=16, effective=None, why="no such parameter")
    start = replace(START, executed=(ran,), ignored=(told,), effective=dict(START.effective) | {"clip": "none"})
    outcome = Outcome(metrics={"post_train_loss": 0.5, "contains": True, "generated": "b"})
    more = {"upstream": {"train": "aa"}, "claims": ["mlx-lm"], "environment": {"MLX_RANK": "0"}, "parity": "0.1.0"}
    header = replace(of.header, provenance=dict(of.header.provenance) | more)
    write_trace(file, header, *of.steps, start=start, outcome=outcome)


def _run(folder: Path) -> Path:
    """A run of one cell with everything that a run can keep."""
    run = new_run(folder / "run", [_planned()], {})
    cell = left_by_a_cell(run, _planned(), 42)
    for arm in ArmName:
        trace_path(cell, arm).unlink()
        _written(trace_path(cell, arm), trace(header=replace(HEADER, probe=_planned().name, arm=str(arm))))
    ended = Bare(
        parameters={name: tensor.digest for name, tensor in END.trainable.items()},
        sketch=(0.5, -1.25),
        started=(0.0, 0.0),
    )
    note_control(cell, {"reference": ended, "candidate": ended})
    text = write_golden(replace(golden_of(trace(), ASKED), probe=_planned().name))
    named = f"{PLATFORM}/{golden_name(_planned().name, 42)}"
    keep_goldens(Goldens(decides=True, texts={named: text}, passed_over=()), run)
    explained = explanation_folder(run, _planned()) / EXPLANATION
    explained.parent.mkdir(parents=True)
    explained.write_text(json.dumps(EXPLAINED | {"probe": _planned().name}))
    return run


def _planned() -> Probe:
    return replace(FIRST, workload=replace(FIRST.workload, seeds=(42,)))


def _trace(folder: Path) -> Sample:
    file = folder / "candidate.jsonl"
    _written(file, trace())
    whole = read_trace(file)

    def read() -> None:
        spoiled = read_trace(file)
        arms = dict.fromkeys(ArmName, ReadArm(trace=whole, failure=""))
        arms[ArmName.CANDIDATE] = ReadArm(trace=spoiled, failure="")
        cell = ReadCell(arms=arms, repetitions=(arms[ArmName.REFERENCE],), control=None, exit_code=0, not_started="")
        judged = probe_result(PROBE, (judge_cell(PROBE, 42, cell),), ())
        render_json(RunResult(probes=(judged,))).encode()
        golden_of(spoiled, ASKED) if spoiled.start and spoiled.end and spoiled.header.seed is not None else None

    return Sample(file=file, read=read, refuses=(BadTraceError,), lines=True)


def _plan(folder: Path) -> Sample:
    """As `parity report` reads it; a canary that the catalogue does not have is refused there."""
    run, refuses = _run(folder), (BadTraceError, BadProbeError)

    def read() -> None:
        result = read_run(run, find)
        render_markdown(result)
        render_json(result).encode()

    return Sample(file=run / PLAN, read=_once(lambda: read_plan(run), read), refuses=refuses, is_json=True)


def _in_cell(name: str, *, is_json: bool = False) -> Callable[[Path], Sample]:
    """A file of a cell is never refused: without it, the cell is judged as one that lacks it."""

    def sample(folder: Path) -> Sample:
        cell = cell_folder(_run(folder), _planned(), 42)

        def found() -> ReadCell:
            return read_cell(_planned(), 42, cell)

        read = _once(lambda: (found().control, found().exit_code), lambda: judge_cell(_planned(), 42, found()))
        return Sample(file=cell / name, read=read, refuses=(), is_json=is_json)

    return sample


def _once(read: Callable[[], object], judged: Callable[[], object]) -> Callable[[], None]:
    """Reads a file, and judges it where no other input has been read as the same."""
    seen: set[str] = set()

    def attempt() -> None:
        if (found := repr(read())) not in seen:
            judged()
            seen.add(found)

    return attempt


def _index(folder: Path) -> Sample:
    run, reference = _run(folder), trace()

    def read() -> None:
        check_run(run, [_planned()], lambda *_: reference)

    return Sample(file=run / "goldens" / "goldens.json", read=read, refuses=(BadGoldenError,), is_json=True)


def _explanation(folder: Path) -> Sample:
    run = _run(folder)
    result = read_run(run, find)

    def read() -> None:
        explained = with_explanations(run, result)
        render_markdown(explained)
        render_json(explained).encode()

    file = explanation_folder(run, _planned()) / EXPLANATION
    return Sample(file=file, read=read, refuses=(BadTraceError,), is_json=True)


def _golden(folder: Path) -> Sample:
    file, golden = folder / "golden.txt", golden_of(trace(), ASKED)
    file.write_text(write_golden(golden))

    def read() -> None:
        drift(read_golden(file, platform=PLATFORM, probe=golden.probe, seed=golden.seed), golden)

    return Sample(file=file, read=read, refuses=(BadGoldenError,))


def _results(folder: Path) -> Sample:
    file = folder / "results.json"
    found = RunResult(probes=(probe_of("a/one", judged(1)), probe_of("b/other", judged(1, divergence()), judged(42))))
    file.write_text(render_json(replace(found, explanations={"b/other": EXPLAINED})))

    def read() -> None:
        result = read_result(file.read_bytes().decode(errors="surrogateescape"), find)
        render_markdown(result)

    return Sample(file=file, read=read, refuses=(BadResultError,), is_json=True)


def _shard(folder: Path) -> Sample:
    one, other = shard_at(folder / "1", 1), shard_at(folder / "2", 2)

    def read() -> None:
        merged([read_stored(one), read_stored(other)])

    return Sample(file=one / PLAN, read=read, refuses=(ParityError,), is_json=True)


def _outcomes(folder: Path) -> Sample:
    file = folder / "table.csv"
    file.write_text("# measured\nseed,a,b\n1,0.5,0.25\n2,0.5,0.75\n3,1.5,1.25\n4,,2.5\n5,3.5,0.5\n6,1.25,1.5\n")

    def read() -> None:
        found = read_outcomes(file)
        outcome_tree(judge_rates(*found.yes) if found.yes else judge_shift(*(found.numbers or ({}, {}))))

    return Sample(file=file, read=read, refuses=(BadTraceError,))


FORMATS: dict[str, Callable[[Path], Sample]] = {
    "probe": _probe,
    "option": _option,
    "data rows": _data,
    "JSON Lines log": _log,
    "CSV log": _csv_log,
    "printed log": _printed_log,
    "trainer state": _trainer_state,
    "trace": _trace,
    "plan": _plan,
    "shard": _shard,
    "control": _in_cell("control.json", is_json=True),
    "exit status": _in_cell(EXIT),
    "index of goldens": _index,
    "golden": _golden,
    "explanation": _explanation,
    "results": _results,
    "outcomes table": _outcomes,
}
"""By name, a function that writes a sample into a folder."""
