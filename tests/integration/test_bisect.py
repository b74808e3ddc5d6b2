"""The release, or the commit, at which a verdict changes, over real releases of a trainer of somebody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parity.errors import NotInstallableError
from parity.runner.cache import cache_folder
from parity.runner.environments import newest_beside
from tests.integration.fake_trainer import BROKEN, RIGHT, WRONG, checkout, commit, git, installed, wheel
from tests.integration.running import ROOT, probe_file

PARITY = str(Path(sys.executable).with_name("parity"))
"""As it is installed: `python -m parity` would have the working folder on its path."""
ARMS = {"candidate": 'provider = "fake-trainer"', "expect": 'verdict = "identical"'}


class World:
    """A probe, the registry that pip and uv see, and the environment variables that say so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.probe = probe_file(folder / "probes" / "fake.toml", **ARMS)
        cache = folder / "cache"
        cache.mkdir()
        for name in ("whole-kernels", "slots"):
            (cache / name).symlink_to(cache_folder(name), target_is_directory=True)
        wheels = folder / "wheels"
        first = wheel(wheels, "1.0")
        self.variables = {
            "PYTHONPATH": str(installed(first, folder / "site")),
            "PIP_FIND_LINKS": f"{os.environ.get('PIP_FIND_LINKS', '')} {wheels}".strip(),
            "UV_FIND_LINKS": ",".join(filter(None, [os.environ.get("UV_FIND_LINKS"), str(wheels)])),
            "MLX_PARITY_CACHE": str(cache),
        }

    def bisect(self, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        options = ["--package", "Fake_Trainer", "--out", self.folder / "runs", "--json", self.folder / "out.json"]
        command = [PARITY, "bisect", self.probe, *options, *arguments]
        return self.run(*map(str, command), within=ROOT, **more)

    def run(self, *command: str, within: Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.variables | more
        return subprocess.run(command, cwd=within, env=environment, capture_output=True, text=True, check=False)

    def found(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.folder / "out.json").read_text())
        return result


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Eight releases: the fourth changes the learning rate, the fifth does not import, the seventh does not install."""
    made = World(tmp_path_factory.mktemp("bisect"))
    wheels = made.folder / "wheels"
    for release, module in {
        "1.1": RIGHT,
        "1.2": RIGHT,
        "1.3": WRONG,
        "1.4": BROKEN,
        "1.5": WRONG,
        "1.7": WRONG,
    }.items():
        wheel(wheels, release, module)
    wheel(wheels, "1.6", WRONG, needs="mlx-lm==0.0.1")
    wheel(wheels, "1.8rc1", WRONG)
    return made


def test_it_ends_with_the_last_good_and_the_first_bad_release_and_goes_on_from_what_it_had(world: World) -> None:
    done = world.bisect("--good", "1.0")
    assert done.returncode == 0, done.stdout + done.stderr
    found = world.found()
    assert (found["last_good"], found["first_bad"], found["between"]) == ("1.2", "1.3", [])
    assert found["releases"] == [f"1.{number}" for number in range(8)]
    assert found["runs"] == 4
    tried = {each["release"]: each for each in found["tried"]}
    assert tried["1.4"]["answer"] == "skipped"
    assert "No module named 'there_is_no_such_module'" in tried["1.4"]["why"]
    assert tried["1.3"]["first_divergence"]["metric"] == "lr"
    assert (
        "fake-trainer 1.2 is the last release at which probes/fake is identical; "
        "1.3 diverges at step 1 · schedule · lr.\n" in done.stdout
    )
    traces = {path: path.stat().st_mtime_ns for path in (world.folder / "runs").rglob("candidate.jsonl")}
    victim = next(path for path in traces if "/1.2/" in str(path))
    (victim.parent / "exit-status").write_text("-15\n")
    again = world.bisect("--good", "1.0")
    assert again.returncode == 0, again.stdout + again.stderr
    assert {path for path in traces if path.stat().st_mtime_ns != traces[path]} == {victim}


def test_without_a_good_release_it_walks_back_and_names_what_does_not_install(world: World) -> None:
    done = world.bisect()
    assert done.returncode == 0, done.stdout + done.stderr
    found = world.found()
    assert (found["last_good"], found["first_bad"]) == ("1.2", "1.3")
    tried = {each["release"]: each for each in found["tried"]}
    assert "fake-trainer==1.6 depends on mlx-lm==0.0.1" in tried["1.6"]["why"]
    assert [tried[release]["answer"] for release in ("1.7", "1.6", "1.5")] == ["bad", "skipped", "bad"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--good", "1.5"], 2,
         "--good 1.5 is bad: with fake-trainer 1.5, probes/fake is diverged, at step 1 · schedule · lr; "
         "name one that is good"),
        (["--good", "1.0", "--bad", "1.2"], 2,
         "--bad 1.2 is good: with fake-trainer 1.2, probes/fake is identical; name one that is bad"),
        (["--good", "1.0", "--stage", "loss"], 2,
         "the newest release is good at stage loss: with fake-trainer 1.7, probes/fake is diverged, "
         "at step 1 · schedule · lr; name one that is bad"),
        (["--good", "1.9"], 2, "--good 1.9: fake-trainer has no such release; the nearest is 1.7"),
        (["--package", "torch"], 2,
         "--package torch: the arms of probes/fake do not use it; they use fake-trainer, mlx, mlx-lm, numpy"),
        (["--good", "1.0", "--path", "."], 2, "--path tests one checkout; --good and --bad are for a search"),
        (["--path", "none"], 2, "--path none: neither a checkout nor a wheel"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_one_line(world: World, arguments: list[str], status: int, message: str) -> None:
    done = world.bisect(*arguments)
    assert (done.returncode, done.stderr) == (status, f"parity: {message}\n"), done.stdout


def test_a_pre_release_is_in_range_only_where_an_end_is_one(world: World) -> None:
    done = world.bisect("--good", "1.5", "--bad", "1.8rc1")
    assert done.stderr.startswith("parity: --good 1.5 is bad: ")


def test_without_a_network_it_is_one_line_and_exit_3(world: World) -> None:
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = world.bisect("--package", "mlx", **nowhere, PIP_RETRIES="0", PIP_FIND_LINKS=str(world.folder / "wheels"))
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("parity: the releases of mlx cannot be listed: ")


def test_a_registry_without_the_package_is_one_line(world: World) -> None:
    done = world.bisect(PIP_FIND_LINKS="", PIP_NO_INDEX="1")
    assert (done.returncode, done.stderr) == (
        2,
        "parity: --package fake-trainer: no release of it is listed: No matching distribution found for "
        "fake-trainer; see: pip config list\n",
    )


def test_git_bisect_run_names_the_commit_and_skips_one_that_does_not_import(world: World, tmp_path: Path) -> None:
    repository = checkout(tmp_path / "fake-trainer")
    changes = {"one": RIGHT, "two": WRONG, "three": BROKEN, "four": f"{WRONG}# 4", "five": f"{WRONG}# 5"}
    for message, module in changes.items():
        commit(repository, module, message)
    git(repository, "bisect", "start", "HEAD", "HEAD~4")
    command = [
        str(Path(sys.executable).with_name("parity")),
        "bisect",
        str(world.probe),
        "--package",
        "fake-trainer",
        "--path",
        ".",
    ]

    misspelt = world.run("git", "bisect", "run", *command, "--sed", "1", within=repository)
    assert "No such option" in misspelt.stderr
    assert "130" in misspelt.stderr
    assert "first bad commit" not in misspelt.stdout
    done = world.run("git", "bisect", "run", *command, "--out", str(tmp_path / "runs"), within=repository)
    assert f"{git(repository, 'rev-parse', 'main~3').strip()} is the first bad commit" in done.stdout, done.stderr
    assert "skipped: fake-trainer from " in done.stdout


def test_a_checkout_is_answered_for_as_it_is_now(world: World, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "fake-trainer")
    module = folder / "fake_trainer" / "__init__.py"
    before = module.stat()
    answers = {}
    for name, text in {"good": RIGHT, "bad": WRONG + "#", "skipped": BROKEN}.items():
        module.write_text(text)
        os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))
        done = world.bisect("--path", folder)
        answers[name] = (done.returncode, done.stdout.strip().splitlines()[-1].partition(":")[0])
    assert answers == {"good": (0, "good"), "bad": (1, "bad"), "skipped": (3, "skipped")}
    assert {path.name for path in folder.iterdir()} == {"pyproject.toml", "fake_trainer"}
    (folder / "pyproject.toml").write_text("[project")
    done = world.bisect("--path", folder)
    assert done.returncode == 3, done.stdout + done.stderr
    assert not [path for path in (world.folder / "cache" / "environments").iterdir() if "building" in path.name]


def test_an_old_release_is_put_beside_the_newest_that_it_can_be_installed_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "wheels", "0.9", needs="numpy<2.3")
    folders = filter(None, [os.environ.get("UV_FIND_LINKS"), str(tmp_path / "wheels")])
    monkeypatch.setenv("UV_FIND_LINKS", ",".join(folders))
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path / "cache"))
    found = newest_beside({"fake-trainer": "0.9"}, {"numpy": "2.4.0", "mlx": "0.31.1"})
    assert found == {"numpy": "2.2.6", "mlx": "0.31.1"}
    with pytest.raises(NotInstallableError, match=r"fake-trainer depend on numpy<2\.3$"):
        newest_beside({"fake-trainer": "0.9", "numpy": "2.4.0"}, {})
    assert not list((tmp_path / "cache" / "environments").iterdir())
