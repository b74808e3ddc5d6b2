from __future__ import annotations

from typing import TYPE_CHECKING

import mlx.core as mx

from parity.golden.values import platform_of
from parity.lab.provenance import provenance

if TYPE_CHECKING:
    import pytest


def test_variables_that_matter_are_kept_by_name_and_no_secret_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/home/somebody/private")
    for secret in ("MLX_TOKEN", "UNSLOTH_API_KEY", "HF_TOKEN", "WANDB_API_KEY"):
        monkeypatch.setenv(secret, "hunter2")
    told = provenance([])
    assert told["environment"]["OPENBLAS_NUM_THREADS"] == "1"
    assert told["environment"]["LD_LIBRARY_PATH"] == "set"
    assert "hunter2" not in str(told)
    assert "private" not in str(told)


def test_device_build_and_releases_are_named() -> None:
    told = provenance(["mlx-lm", "no-such-distribution"])
    assert told["device"]["name"]
    assert told["build"] == {"mlx": told["versions"]["mlx"], "metal": mx.metal.is_available()}
    assert "no-such-distribution" not in told["versions"]
    assert platform_of(told).endswith(f"-{told['device']['type']}")
    assert set(told["upstream"]) == {"default_loss", "iterate_batches", "train"}


def test_a_release_that_does_not_name_its_device_still_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mx, "device_info", raising=False)
    assert isinstance(provenance([])["device"]["name"], str)
