from __future__ import annotations

from importlib.metadata import version

import pytest

from parity.trace.upstream import FUNCTIONS, doubts, fingerprint, installed, table

SOURCE = '''
import numpy as np

def default_loss(model, batch):
    """What it says."""
    # why
    logits = model(batch)

    if logits is None:
        raise ValueError(f"no {batch!r} {{}} here")
    return logits
'''
KNOWN = {"0.9.0": {"train": "aa", "default_loss": "11"}, "0.32.2": {"train": "bb", "default_loss": "22"}}


def test_comments_docstring_and_layout_are_not_the_function() -> None:
    other = SOURCE.replace('    """What it says."""\n', "").replace("    # why\n", "")
    other = other.replace("model(batch)\n\n", "model( batch )   # so\n").replace(
        "(model, batch):", "(\n model, batch):"
    )
    assert other != SOURCE
    assert fingerprint(other, "default_loss") == fingerprint(SOURCE, "default_loss")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model(batch)", "model(batch[:, 1:])"),
        ("    return logits", "        return logits"),
        ("no {batch!r}", "no {batch}"),
        ("(model, batch)", "(model, batch, lengths=None)"),
        ("is None", "is not None"),
    ],
)
def test_a_token_or_a_block_that_changes_is_another_function(before: str, after: str) -> None:
    assert before in SOURCE
    assert fingerprint(SOURCE.replace(before, after), "default_loss") != fingerprint(SOURCE, "default_loss")


def test_a_function_that_is_gone_has_none() -> None:
    assert fingerprint(SOURCE, "train") == ""


def test_the_fingerprint_is_the_same_whatever_python_makes_it() -> None:
    assert fingerprint(SOURCE, "default_loss") == "ae8061bc201033ca"


def test_the_locked_release_and_that_of_may_2026_have_been_looked_at() -> None:
    assert {"0.30.0", version("mlx-lm")} <= table().keys()
    found = installed()
    assert tuple(found) == FUNCTIONS
    assert doubts({"versions": {"mlx-lm": version("mlx-lm")}, "upstream": found}) == []


@pytest.mark.parametrize(
    ("release", "functions", "said"),
    [
        ("0.33.0", {"train": "bb", "default_loss": "33"},
         ["mlx-lm 0.33.0: default_loss differs from the one that was last reviewed (0.32.2)"]),
        ("0.33.0", {"train": "bb", "default_loss": "22"}, []),
        ("0.31.0", {"train": "aa", "default_loss": "22"}, []),
        ("0.33.0", {"train": "", "default_loss": "22"},
         ["mlx-lm 0.33.0: there is no train in mlx_lm/tuner/trainer.py; it was last reviewed in 0.32.2"]),
        ("0.32.2", {"train": "aa", "default_loss": "22"},
         ["mlx-lm 0.32.2: train differs from that release's; is it a patched copy?"]),
    ],
)  # fmt: skip
def test_a_function_that_nobody_has_looked_at_is_named(
    release: str, functions: dict[str, str], said: list[str]
) -> None:
    assert doubts({"versions": {"mlx-lm": release}, "upstream": functions}, KNOWN) == said


def test_where_mlx_lm_is_not_installed_there_is_nothing_to_say() -> None:
    assert doubts({"versions": {}, "upstream": {}}, KNOWN) == []
    assert doubts({"versions": {}}, KNOWN) == []
