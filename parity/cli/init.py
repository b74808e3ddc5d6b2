"""`parity init`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from parity.errors import ExitStatus, ParityError

FOLDER = Path("parity")
_WRITTEN = {
    "first.toml": "a probe, which runs at once: parity run parity",
    "test_parity_probes.py": "its test: pytest parity",
    "workflow.yml": "a gate for pull requests: copy it to .github/workflows, and put in what its first lines ask for",
}
"""By file, what is said of it."""
_NAMED = 3


@click.command("init", short_help="Write a first probe, its test and a workflow into a folder here.")
def init_command() -> ExitStatus:
    """Write the folder `parity`, with a probe that runs at once, its test, and a workflow. Nothing is overwritten."""
    from parity.probe.resources import RESOURCES

    try:
        FOLDER.mkdir()
    except FileExistsError:
        raise ParityError(f"{FOLDER}: is already here{_held()}; nothing was written. Move it away first") from None
    except OSError as error:
        raise ParityError(f"{FOLDER}: cannot be made ({error.strerror}); nothing was written") from None
    try:
        for name in _WRITTEN:
            shutil.copyfile(RESOURCES / "init" / name, FOLDER / name)
    except OSError as error:
        shutil.rmtree(FOLDER, ignore_errors=True)
        raise ParityError(f"{FOLDER}: cannot be written ({error.strerror}); nothing was kept") from None
    width = max(map(len, _WRITTEN))
    for name, said in _WRITTEN.items():
        click.echo(f"{FOLDER}/{name:<{width}}  {said}")
    return ExitStatus.EXPECTED


def _held() -> str:
    """` (first.toml, mine.toml, test.py and 2 more)`; empty if it is no folder, or holds nothing."""
    if not FOLDER.is_dir():
        return ", and is not a folder"
    names = sorted(path.name for path in FOLDER.iterdir())
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f" ({', '.join(names[:_NAMED])}{more})" if names else ""
