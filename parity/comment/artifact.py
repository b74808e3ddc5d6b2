"""Reads the text of `results.json` from an archive that anybody may have made. Nothing is written to disk.

The sizes that an archive declares are claims, so every limit applies to the declared and to the real size.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib

from parity.comment.values import ArtifactError

LARGEST_ARCHIVE = 20_000_000
"""Bytes."""
LARGEST_TEXT = 40_000_000
"""Bytes of `results.json`; a run of 80 probes has about two million."""
LARGEST_RATIO = 200
"""Of the text to its archive; results are repetitive and reach about 30."""
LONGEST_STRING = 100_000
"""Characters of one string, as written. The longest real one is the summary; a name of a megabyte takes minutes."""
NAME = "results.json"

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_KINDS = {0, stat.S_IFREG}
"""File types that an entry may have: unset, or a plain file."""


def results_text(archive: bytes) -> str:
    """The text of the archive's only file.

    Raises:
        ArtifactError: not an archive of exactly one file of that name, with true sizes within the limits, in UTF-8.

    """
    if len(archive) > LARGEST_ARCHIVE:
        raise ArtifactError(too_large(len(archive)))
    # Counted before anything is parsed: an archive of 20 MB can name half a million files.
    if archive.count(_ENTRY) > 1:
        raise ArtifactError(f"the artifact holds more than one file; {NAME} must be the only one")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            data = _read(opened, _only(opened), len(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise ArtifactError("the artifact is not a readable archive") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{NAME} is not UTF-8, at byte {error.start}") from None
    longest = max((found.end() - found.start() for found in _STRING.finditer(text)), default=0)
    if longest > LONGEST_STRING:
        raise ArtifactError(f"{NAME} has a string of {longest:,} characters; {LONGEST_STRING:,} are allowed")
    return text


def too_large(size: int) -> str:
    """Why an archive of this many bytes is refused."""
    return f"the artifact has {size:,} bytes; {LARGEST_ARCHIVE:,} are allowed"


def _only(opened: zipfile.ZipFile) -> zipfile.ZipInfo:
    entries = opened.infolist()
    if len(entries) != 1:
        raise ArtifactError(f"the artifact holds {len(entries) or 'no'} files; {NAME} must be the only one")
    (entry,) = entries
    if entry.filename != NAME or entry.orig_filename != NAME:
        raise ArtifactError(f"the artifact's only file is not called {NAME}")
    if stat.S_IFMT(entry.external_attr >> 16) not in _KINDS:
        raise ArtifactError(f"{NAME} is not a plain file in the artifact")
    if entry.flag_bits & _ENCRYPTED:
        raise ArtifactError(f"{NAME} is encrypted")
    if entry.compress_type not in _METHODS:
        raise ArtifactError(f"{NAME} is compressed with a method that artifacts do not use")
    return entry


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, archived: int) -> bytes:
    allowed = min(LARGEST_TEXT, LARGEST_RATIO * archived)
    if entry.file_size > allowed:
        raise ArtifactError(_too_long(f"{entry.file_size:,}", archived))
    with opened.open(entry) as file:
        data = file.read(allowed + 1)
    if len(data) > allowed:
        raise ArtifactError(_too_long(f"more than {allowed:,}", archived))
    if len(data) != entry.file_size:
        raise ArtifactError(f"{NAME} has {len(data):,} bytes, but the artifact says {entry.file_size:,}")
    return data


def _too_long(said: str, archived: int) -> str:
    limits = f"at most {LARGEST_TEXT:,}, and {LARGEST_RATIO} times the {archived:,} of its archive, are allowed"
    return f"{NAME} has {said} bytes; {limits}"
