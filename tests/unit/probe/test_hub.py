from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.probe.hub import Models, find_models, hub_ids
from parity.probe.values import Arm
from tests.hub import COMMIT, TINY, hub
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from parity.probe.values import Probe

MODEL = "someone/tiny"
FETCH = """
import sys
from parity.errors import UnavailableError
from parity.probe.hub import fetch
try:
    print(fetch(sys.argv[1]))
except UnavailableError as error:
    print(error)
"""
NOT_AVAILABLE = f"model {MODEL} is not available"


def fetched(model: str, **environment: str) -> str:
    """What a process of its own finds, since the hub's client reads its settings once; the last line that it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, model],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def probe(model: str, candidate: str | None = None) -> Probe:
    workload = replace(PROBE.workload, model=model)
    own = None if candidate is None else replace(workload, model=candidate)
    return replace(PROBE, workload=workload, candidate=Arm(provider="mlx-lm", workload=own))


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_the_models_of_both_arms_that_are_no_folders() -> None:
    assert hub_ids(probe("/a/folder")) == ()
    assert hub_ids(probe(MODEL)) == (MODEL,)
    assert hub_ids(probe(MODEL, "a/other")) == (MODEL, "a/other")
    assert hub_ids(probe("/a/folder", MODEL)) == (MODEL,)


def test_a_probe_cannot_be_run_without_the_model_of_either_arm() -> None:
    models = Models(snapshots={"a/other": Path("/cache") / COMMIT}, missing={MODEL: "why"})
    assert [models.why_not(each) for each in (probe("a/other", MODEL), probe("a/other"), probe("/a"))] == [
        "why",
        "",
        "",
    ]
    assert models.commits == {"a/other": COMMIT}


def test_without_a_hub_id_nobody_is_asked() -> None:
    assert find_models([probe("/a/folder")], pytest.fail) == Models()


def test_a_model_is_fetched_once_and_found_without_the_hub_afterwards(tmp_path: Path) -> None:
    with hub({MODEL: TINY}) as served:
        folder = Path(fetched(MODEL, **served.environment(tmp_path)))
        first = len(served.asked)
        assert fetched(MODEL, **served.environment(tmp_path)) == str(folder)
        assert not any("/resolve/" in path for path in served.asked[first:])
    assert folder.name == COMMIT
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in TINY.iterdir()
    }
    gone = {"HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}", "HF_HOME": str(tmp_path)}
    assert fetched(MODEL, **gone) == str(folder)
    assert fetched(MODEL, **gone, HF_HUB_OFFLINE="1") == str(folder)


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (HTTPStatus.NOT_FOUND, "RepoNotFound", "the hub has no such repository (404)"),
        (HTTPStatus.UNAUTHORIZED, "", "the hub requires a login (401): set HF_TOKEN"),
        (HTTPStatus.UNAUTHORIZED, "RepoNotFound", "the hub requires a login (401): set HF_TOKEN"),
        (HTTPStatus.FORBIDDEN, "GatedRepo", "accept its licence on the hub, and set HF_TOKEN"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "", "the hub answered 503"),
        (HTTPStatus.TOO_MANY_REQUESTS, "", "the hub answered 429"),
    ],
)
def test_what_the_hub_refuses_is_a_clause(tmp_path: Path, status: HTTPStatus, code: str, why: str) -> None:
    with hub(status=status, code=code) as served:
        assert fetched(MODEL, **served.environment(tmp_path)) == f"{NOT_AVAILABLE} ({why})"
        asked = [path for path in served.asked if path.startswith("/api/models/")]
        assert asked == [f"/api/models/{MODEL}"]  # nothing is tried again


def test_a_hub_that_is_not_there_is_a_clause(tmp_path: Path) -> None:
    gone = {"HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}", "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    assert fetched(MODEL, **gone) == f"{NOT_AVAILABLE} (the hub cannot be reached: Connection refused)"


def test_offline_with_an_empty_cache_is_a_clause(tmp_path: Path) -> None:
    assert fetched(MODEL, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path)) == (
        f"{NOT_AVAILABLE} (the hub may not be asked: HF_HUB_OFFLINE is set)"
    )


def test_what_is_no_id_is_a_clause(tmp_path: Path) -> None:
    assert (
        fetched("a/b/c", HF_HOME=str(tmp_path)) == "model a/b/c is not available (not a hub id; write it as owner/name)"
    )


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors"])
def test_a_repository_without_what_a_model_needs_is_none(tmp_path: Path, lost: str) -> None:
    shutil.copytree(TINY, tmp_path / "model", ignore=shutil.ignore_patterns(lost))
    with hub({MODEL: tmp_path / "model"}) as served:
        said = fetched(MODEL, **served.environment(tmp_path / "home"))
    assert said == f"{NOT_AVAILABLE} (it has no config.json or no model*.safetensors)"


def test_a_cache_of_which_a_part_is_gone_is_no_model(tmp_path: Path) -> None:
    with hub({MODEL: TINY}) as served:
        folder = Path(fetched(MODEL, **served.environment(tmp_path)))
    (folder / "model.safetensors").unlink()
    said = fetched(MODEL, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert said == (
        f"{NOT_AVAILABLE} (its copy in the cache is incomplete, and the hub may not be asked: HF_HUB_OFFLINE is set)"
    )
