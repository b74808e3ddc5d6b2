"""The provider of an arm that is a command: it lends nothing, and takes nothing from another library.

`parity.lab.command` runs the command; nothing here is called for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.metrics import Stage
    from parity.trainers.protocol import FunctionKind, SettingKinds


class Command:
    """Provider `command`."""

    distributions: ClassVar[tuple[str, ...]] = ()
    lends: ClassVar[frozenset[Stage]] = frozenset()
    borrows: ClassVar[frozenset[Stage]] = frozenset()
    settings: ClassVar[SettingKinds] = {}
    takes_keywords: ClassVar[Mapping[str, FunctionKind]] = {}
    weighs_tokens: ClassVar[bool] = False

    def check_installed(self) -> None:
        """Does nothing: whether there is such a program is seen when it is started."""
