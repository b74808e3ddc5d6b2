"""Every probe in this folder is as expected: `pytest parity`. A failure prints the first divergence and both values."""

from pathlib import Path

import pytest

import parity


@pytest.mark.parametrize("probe", sorted(Path(__file__).parent.glob("*.toml")), ids=lambda probe: probe.stem)
def test_a_probe_is_as_expected(probe: Path, tmp_path: Path) -> None:
    run = parity.run_probes(probe, out=tmp_path / "run")
    assert run.expected, f"\n{run}"
