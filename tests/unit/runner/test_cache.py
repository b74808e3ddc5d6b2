from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from parity.errors import UnavailableError
from parity.runner.cache import cache_folder
from parity.runner.kernels import KernelSlot, kernel_slot

if TYPE_CHECKING:
    from pathlib import Path


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path / "here"))
    assert cache_folder("kernels") == tmp_path / "here" / "kernels"


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path / "file"))
    with pytest.raises(UnavailableError, match="set MLX_PARITY_CACHE to a different folder"):
        cache_folder("kernels")


def test_two_cells_never_share_a_slot_and_the_next_one_finds_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path))
    with kernel_slot() as first, kernel_slot() as second:
        assert first.folder != second.folder
    with kernel_slot() as again:
        assert again.folder == first.folder


def kernel(slot: KernelSlot, name: str) -> Path:
    return slot.folder / "mlx" / "0.32.4" / "cpu" / name


def built(slot: KernelSlot, name: str, text: str) -> None:
    kernel(slot, name).parent.mkdir(parents=True, exist_ok=True)
    kernel(slot, name).write_text(text)


def test_kernels_of_a_cell_that_ended_by_itself_are_kept_and_new_ones_of_a_killed_one_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path))
    with kernel_slot() as slot:
        built(slot, "kernel.so", "whole")
        (slot.folder / "parity-scratch").mkdir()
        slot.keep_kernels()
    with kernel_slot() as slot:
        assert kernel(slot, "kernel.so").read_text() == "whole"
        assert not (slot.folder / "parity-scratch").exists()
        built(slot, "half.so", "half")
    with kernel_slot() as slot:
        assert kernel(slot, "kernel.so").exists()
        assert not kernel(slot, "half.so").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_slot_starts_with_the_whole_kernels_of_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path))
    if not links:
        monkeypatch.setattr("os.link", refused)
    with kernel_slot() as first, kernel_slot() as second:
        built(first, "one.so", "one")
        built(first, "both.so", "both")
        built(second, "both.so", "half of b")
        first.keep_kernels()
        with kernel_slot() as third:
            assert {path.name for path in third.folder.rglob("*.so")} == {"one.so", "both.so"}
            assert kernel(third, "one.so").read_text() == "one"
    with kernel_slot(), kernel_slot() as again:
        assert again.folder == second.folder
        assert kernel(again, "both.so").read_text() == "both"  # not what the second was killed over


def test_a_slot_stays_taken_while_a_process_that_inherited_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path))
    with kernel_slot() as slot:
        orphan = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(slot.lock,))
    with kernel_slot() as other:
        assert other.folder != slot.folder
    orphan.communicate(b"\n")
