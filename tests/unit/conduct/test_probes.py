"""All probes that are asked for are checked before any is run, and each bad one has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.conduct.probes import asked_for, checked_probes
from parity.errors import BadProbeError, ParityError

if TYPE_CHECKING:
    from pathlib import Path

PROBE = """
question = "Is it?"
extends = "mlx-parity:varied"
[candidate]
provider = "mlx-lm-train"
[expect]
verdict = "identical"
"""


def test_probes_are_read_with_what_overrides_them(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(PROBE)
    found = checked_probes([tmp_path], asked_for("3,4", steps=5))
    assert [probe.name.rpartition("/")[2] for probe in found] == ["one", "two"]
    assert {(probe.workload.seeds, probe.workload.steps) for probe in found} == {((3, 4), 5)}


def test_each_bad_probe_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(PROBE.replace("lm-train", "lm-trian"))
    (tmp_path / "two.toml").write_text(PROBE.replace(":varied", ":veried"))
    (tmp_path / "three.toml").write_text(PROBE)
    with pytest.raises(BadProbeError) as caught:
        checked_probes([tmp_path], [])
    first, second = str(caught.value).split("\nparity: ")
    assert first.startswith(f"{tmp_path}/one.toml: candidate: unknown provider 'mlx-lm-trian'")
    assert second.startswith(f"{tmp_path}/two.toml: extends: mlx-parity: has no workload 'veried'")


def test_two_probes_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder / "same").mkdir(parents=True)
        (tmp_path / folder / "same" / "one.toml").write_text(PROBE)
    with pytest.raises(BadProbeError, match="another probe of this run is also called 'same/one'; rename one"):
        checked_probes([tmp_path / "a" / "same", tmp_path / "b" / "same"], [])


@pytest.mark.parametrize("seeds", ["", "1,", "-1", "one"])
def test_seeds_are_whole_numbers(seeds: str) -> None:
    with pytest.raises(ParityError, match="write whole numbers, as in 1,42"):
        asked_for(seeds)
