"""Stands in for the Python that cells are started with: has `cells.py` fork one, and ends as that one does."""

import json
import os
import signal
import socket
import sys

_READ = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "TOKENIZERS_", "XDG_", "HOME")
"""How the variables begin that are read while what is kept in memory is imported."""


def read_at_import(environment: dict[str, str]) -> dict[str, str]:
    """The variables that a fork cannot be given any more."""
    return {name: value for name, value in environment.items() if name.startswith(_READ)}


def main(address: str, read: dict[str, str]) -> None:
    """Takes the place of an interpreter with this process's words, environment, folder and descriptors.

    `address` is the socket of `cells.py`, and `read` is what its imports have read.
    """
    words = sys.argv[1:]
    if words[:2] != ["-P", "-m"] or not words[2].startswith("parity.") or read_at_import(dict(os.environ)) != read:
        os.execv(sys.executable, [sys.executable, *words])
    descriptors = sorted(map(int, os.listdir("/proc/self/fd")))[:-1]  # noqa: PTH208 - the last one lists them
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    asked = {"words": words[2:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - pathlib is slow
    warm = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    warm.connect(address)
    socket.send_fds(warm, [json.dumps(asked).encode()], descriptors)
    cell = int(warm.recv(20))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(cell, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    status = int(warm.recv(20))
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
