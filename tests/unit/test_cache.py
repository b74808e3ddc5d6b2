from __future__ import annotations

from typing import TYPE_CHECKING

from parity.cache import cache_folder, kernel_slot

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path / "here"))
    assert cache_folder("kernels") == tmp_path / "here" / "kernels"


def test_two_cells_never_share_a_slot_and_the_next_one_finds_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path))
    with kernel_slot() as first, kernel_slot() as second:
        assert first != second
    with kernel_slot() as again:
        assert again == first
