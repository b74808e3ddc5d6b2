"""The command line: one command per file; the work is done elsewhere."""

from __future__ import annotations

import errno
import sys
import traceback

import click

from parity import __version__
from parity.bisect.git import for_git, is_bisected
from parity.cli.bisect import bisect_command, checkout_of
from parity.cli.canaries import canaries_command
from parity.cli.comment import comment_command
from parity.cli.diff import diff_command
from parity.cli.doctor import doctor_command
from parity.cli.explain import explain_command
from parity.cli.init import init_command
from parity.cli.list import list_command
from parity.cli.merge import merge_command
from parity.cli.outcomes import outcomes_command
from parity.cli.pipes import outlive_readers
from parity.cli.record import record_command
from parity.cli.report import report_command
from parity.cli.run import run_command
from parity.cli.trace import trace_command
from parity.errors import ExitStatus, MachineError, ParityError, UnavailableError

_STATUSES = """\b
Exit status:
    0  every expectation met
    1  an expectation was not met
    2  wrong usage, or a bad probe
    3  an arm could not be run
    4  a known fault was not caught
    5  nothing comparable, not run, or inconclusive
   70  a bug in parity itself
   74  something was run, and could not be written
  130  interrupted"""


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a disk says that takes no more."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_STATUSES)
@click.version_option(__version__, prog_name="parity")
def cli() -> None:
    """Do two MLX trainers take the same steps?"""


for command in (
    init_command,
    run_command,
    merge_command,
    record_command,
    list_command,
    explain_command,
    trace_command,
    bisect_command,
    canaries_command,
    diff_command,
    outcomes_command,
    report_command,
    comment_command,
    doctor_command,
):
    cli.add_command(command)


def main() -> None:
    """Runs a command and exits with its status, or with one for `git bisect` if that is in progress."""
    outlive_readers()
    status, answered = _run()
    checkout = checkout_of(sys.argv[1:])
    if checkout is not None and is_bisected(checkout):
        sys.exit(for_git(status, answered=answered))
    sys.exit(int(status))


def _run() -> tuple[ExitStatus, bool]:
    """The status, and whether it is an answer to what was asked; a usage error is one line, never a traceback."""
    try:
        return cli(prog_name="parity", standalone_mode=False) or ExitStatus.EXPECTED, True
    except (click.exceptions.Abort, KeyboardInterrupt):
        return ExitStatus.INTERRUPTED, False
    except click.ClickException as error:
        error.show()
        return ExitStatus.USAGE, False
    except ParityError as error:
        click.echo(f"parity: {error}", err=True)
        return error.status, isinstance(error, UnavailableError) and not isinstance(error, MachineError)
    except OSError as error:
        if error.errno not in _FULL:
            return _bug()
        click.echo(f"parity: {error.filename or 'a file'}: cannot be written ({error.strerror}); make room", err=True)
        return ExitStatus.NOT_KEPT, False
    except Exception:  # noqa: BLE001 - an exit status of 1 would say that two trainers differ
        return _bug()


def _bug() -> tuple[ExitStatus, bool]:
    traceback.print_exc()
    click.echo("parity: this is a bug in parity itself, not in a trainer; please report it", err=True)
    return ExitStatus.BUG, False
