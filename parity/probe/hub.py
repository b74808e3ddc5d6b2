"""Models of the Hugging Face Hub: fetched once per run, before any cell starts, and then found in the cache."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import UnavailableError
from parity.probe.inputs import is_folder
from parity.probe.values import BOTH_ARMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parity.probe.values import Probe

FILES = (
    "*.json",
    "model*.safetensors",
    "*.py",
    "tokenizer.model",
    "*.tiktoken",
    "tiktoken.model",
    "*.txt",
    "*.jsonl",
    "*.jinja",
)
"""The files that `mlx_lm.load` asks the hub for (`mlx_lm.utils.DEFAULT_ALLOW_PATTERNS`)."""

_PATIENCE = 5.0
"""Seconds to wait for the hub's first answer; without one, only the cache is used."""
_LONGEST = 160
_STATUSES = {401: "the hub requires a login (401): set HF_TOKEN", 404: "the hub has no such repository (404)"}


@dataclass(frozen=True, kw_only=True)
class Models:
    """The hub's models that probes name."""

    snapshots: dict[str, Path] = field(default_factory=dict)
    """The folder in the cache by hub id; its name is the commit."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why a model is not available, by hub id."""

    @property
    def commits(self) -> dict[str, str]:
        """The commit that was found, by hub id."""
        return {model: folder.name for model, folder in self.snapshots.items()}

    def why_not(self, probe: Probe) -> str:
        """Why a model that a probe needs is not available; empty if none is missing."""
        return next((self.missing[model] for model in hub_ids(probe) if model in self.missing), "")


def hub_ids(probe: Probe) -> tuple[str, ...]:
    """The models of both arms that are hub ids, each once."""
    workloads = (probe.workload_of(arm) for arm in BOTH_ARMS)
    return tuple(dict.fromkeys(each.model for each in workloads if not is_folder(each.model)))


def find_models(probes: Sequence[Probe], say: Callable[[str], None]) -> Models:
    """Asks the hub for every model that probes name, and fetches what the cache does not have.

    Args:
        probes: checked probes.
        say: called with a line before and after a model is fetched.

    """
    found = Models()
    for model in dict.fromkeys(model for probe in probes for model in hub_ids(probe)):
        say(f"model {model}: asking the hub, and fetching what is not in the cache")
        try:
            folder = fetch(model)
        except UnavailableError as error:
            found.missing[model] = str(error)
            say(str(error))
        else:
            found.snapshots[model] = folder
            say(f"model {model}: commit {folder.name}")
    return found


def fetch(model: str) -> Path:
    """The folder of a model's files in the hub's cache, brought up to date if the hub answers.

    Raises:
        UnavailableError: neither the hub nor the cache has it; one line with the hub's reason.

    """
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415 - takes a second, and few runs need it
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    unreachable = ""
    try:
        HfApi().model_info(model, timeout=_PATIENCE)
    except Exception as error:  # noqa: BLE001 - raised by the hub, its client, TLS or a proxy
        unreachable = _clause(error)
    try:
        folder = Path(snapshot_download(model, allow_patterns=list(FILES), local_files_only=bool(unreachable)))
    except Exception as error:  # noqa: BLE001 - the same, or by the disk
        why = unreachable if unreachable and "LocalEntryNotFoundError" in _kinds(error) else _clause(error)
        half = "its copy in the cache is incomplete, and " if "IncompleteSnapshotError" in _kinds(error) else ""
        raise UnavailableError(_not_available(model, half + why)) from None
    if not (folder / "config.json").is_file() or not any(folder.glob("model*.safetensors")):
        raise UnavailableError(_not_available(model, unreachable or "it has no config.json or no model*.safetensors"))
    return folder


def _not_available(model: str, why: str) -> str:
    return f"model {model} is not available ({why})"


def _kinds(error: BaseException) -> set[str]:
    """The class names of an error, so that neither the hub's client nor httpx has to be imported to test it."""
    return {kind.__name__ for kind in type(error).__mro__}


def _clause(error: BaseException) -> str:
    """The hub's reason, short enough for a sentence."""
    kinds = _kinds(error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if "OfflineModeIsEnabled" in kinds:
        return "the hub may not be asked: HF_HUB_OFFLINE is set"
    if "HFValidationError" in kinds:
        return "not a hub id; write it as owner/name"
    if "GatedRepoError" in kinds:
        return "accept its licence on the hub, and set HF_TOKEN"
    if status is not None:
        return _STATUSES.get(status, f"the hub answered {status}")
    if "TimeoutException" in kinds:
        return f"the hub did not answer in {_PATIENCE:g} seconds"
    said = " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
    said = re.sub(r"^\[Errno -?\d+\] ", "", said)
    return f"the hub cannot be reached: {said[:_LONGEST]}" if "TransportError" in kinds else said[:_LONGEST]
