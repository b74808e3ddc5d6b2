"""Evidence as a person reads it."""

from __future__ import annotations

from dataclasses import replace

from parity.explain.exhibits import Exhibit
from parity.explain.wording import exhibit_lines
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.trace.evidence import Clipping, Evidence, Fraction, Rows, Supervision, TensorDistance, Tensors, Token

AT = FirstDivergence(
    step=3, stage=Stage.CLIP, metric="clipped", reference="a", candidate="b", delta=None, ulp=None, detail=""
)
DISTANCE = TensorDistance(
    name="q_proj.lora_a", reference="float32 [64, 8]", candidate="float32 [64, 8]", elements=512, unequal=20,
    max_abs=0.34958, max_relative=0.25903, max_ulp=2_932_512, at=(25, 7), values=(-1.34958267, -1.0),
)  # fmt: skip
TENSORS = Tensors(what="gradient", compared=224, differing=1, missing=(), extra=(), dtypes_alone=0, worst=(DISTANCE,))
CLIP = Clipping(
    norm=15.5, clipped_norm=15.25, greatest=1.34958, clipped_greatest=1.0, changed=23, elements=126_976, factor=None
)


def lines(evidence: Evidence | None, *, note: str = "", stage: Stage = Stage.CLIP) -> list[str]:
    return exhibit_lines(Exhibit(stages=(), at=replace(AT, stage=stage), evidence=evidence, note=note))


def test_tensors_say_count_index_and_distances_and_clipping_both_sides() -> None:
    unclipped = replace(CLIP, changed=0)
    evidence = Evidence(
        step=3, stage=Stage.CLIP, equal=("batch", "logits"), tensors=TENSORS, clipping=(unclipped, CLIP)
    )
    assert lines(evidence) == [
        "reference: norm 15.5, greatest element 1.34958: unchanged",
        "candidate: norm 15.5, greatest element 1.34958: 23 of 126,976 elements changed, to greatest 1 and norm 15.25",
        "gradient: 1 of 224 tensor differs",
        "  q_proj.lora_a, float32 [64, 8]: 20 of 512 elements; at [25, 7] -1.34958267 → -1; "
        "|Δ| up to 0.3496, relative 0.259, 2,932,512 ULPs",
        "equal up to there: batch, logits",
    ]
    scaled = replace(CLIP, factor=0.5, clipped_norm=7.75)
    assert "candidate: norm 15.5, greatest element 1.34958: scaled by 0.5, to norm 7.75" in lines(
        replace(evidence, clipping=(unclipped, scaled))
    )


def test_dtypes_missing_and_extra_are_said() -> None:
    alone = replace(
        DISTANCE, name="norm", candidate="bfloat16 [64]", unequal=0, max_abs=None, max_ulp=None, at=None, values=None
    )
    tensors = replace(TENSORS, dtypes_alone=1, missing=("a", "b", "c", "d"), extra=("e",), compared=1, worst=(alone,))
    assert lines(Evidence(step=0, stage=Stage.LOAD, equal=(), tensors=tensors), stage=Stage.LOAD) == [
        "gradient: 4 in the reference only: a, b, c and 1 more",
        "gradient: 1 in the candidate only: e",
        "gradient: 1 tensor differs, in dtype only",
        "  norm: float32 [64, 8] → bfloat16 [64], equal values",
    ]


def test_a_loss_is_a_fraction_and_a_place_has_its_token() -> None:
    whole = Fraction(loss=6.2, tokens=306, denominator=306.0, numerator=1897.2, supervised=306)
    fewer = replace(whole, tokens=303, denominator=None, numerator=None, supervised=303)
    supervision = Supervision(
        fractions=(whole, fewer), only_reference=3, only_candidate=0, other_targets=0,
        places=(Token(row=1, position=48, reference="0 '<pad>'", candidate=""),),
    )  # fmt: skip
    assert lines(Evidence(step=1, stage=Stage.LOSS, equal=(), supervision=supervision), stage=Stage.LOSS) == [
        "reference: loss 6.2 = 1897.200000 / 306, tokens 306",
        "candidate: loss 6.2, its tokens have different weights, 303 supervised",
        "3 places supervised by the reference only",
        "  row 1, position 48: 0 '<pad>' → not supervised",
    ]


def test_rows_say_shapes_order_and_tokens() -> None:
    rows = Rows(
        shapes=((6, 33), (6, 64)), order=(), differing=1,
        tokens=(Token(row=0, position=2, reference="4 'a'", candidate="5 'b'"),), others=((0, "[0, 31]", "[0, 32]"),),
    )  # fmt: skip
    assert lines(Evidence(step=1, stage=Stage.BATCH, equal=(), rows=rows), stage=Stage.BATCH) == [
        "token ids: [6, 33] → [6, 64]",
        "token ids: 1 place differs",
        "  row 0, position 2: 4 'a' → 5 'b'",
        "  row 0, offset and length or labels: [0, 31] → [0, 32]",
    ]
    turned = replace(rows, order=(1, 0), shapes=((2, 3), (2, 3)), others=())
    assert lines(Evidence(step=1, stage=Stage.BATCH, equal=(), rows=turned), stage=Stage.BATCH) == [
        "the same rows in a different order: 1, 0"
    ]


def test_a_difference_that_is_made_before_its_metric_is_said() -> None:
    evidence = Evidence(step=1, stage=Stage.FORWARD, equal=("batch",), tensors=replace(TENSORS, what="logits"))
    assert lines(evidence, stage=Stage.LOSS)[0] == "the difference starts earlier: forward differs already"


def test_a_replay_that_shows_nothing_is_not_silent() -> None:
    assert lines(Evidence(step=1, stage=None, equal=())) == [
        "the replay compared this step element by element: nothing differs"
    ]
    assert lines(None, note="the step could not be replayed; see x") == ["the step could not be replayed; see x"]
    doubted = lines(Evidence(step=1, stage=None, equal=()), note="the replay is not bit for bit the run")
    assert doubted[0] == "the replay is not bit for bit the run"


def test_learning_rates() -> None:
    assert lines(Evidence(step=1, stage=Stage.SCHEDULE, equal=(), rates=(0.001, 0.00101)), stage=Stage.SCHEDULE) == [
        "learning rate 0.001 → 0.00101"
    ]
