"""The command line: one command a file, no work of its own."""

from __future__ import annotations

import sys
import traceback

import click

from parity import __version__
from parity.cli.diff import diff_command
from parity.cli.doctor import doctor_command
from parity.cli.explain import explain_command
from parity.cli.list import list_command
from parity.cli.outcomes import outcomes_command
from parity.cli.record import record_command
from parity.cli.report import report_command
from parity.cli.run import run_command
from parity.errors import ExitStatus, ParityError

_STATUSES = """\b
Exit status:
    0  every expectation met
    1  an expectation was not met
    2  wrong usage, or a bad probe
    3  an arm could not be run
    5  nothing comparable, or inconclusive
   70  a fault of parity itself
  130  interrupted"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_STATUSES)
@click.version_option(__version__, prog_name="parity")
def cli() -> None:
    """Do two MLX trainers take the same steps?"""


for command in (
    run_command,
    record_command,
    list_command,
    explain_command,
    diff_command,
    outcomes_command,
    report_command,
    doctor_command,
):
    cli.add_command(command)


def main() -> None:
    """Runs a command; somebody's mistake is one line and an exit status, never a traceback."""
    try:
        status = cli(prog_name="parity", standalone_mode=False)
    except click.exceptions.Abort:
        status = ExitStatus.INTERRUPTED
    except KeyboardInterrupt:
        status = ExitStatus.INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = ExitStatus.USAGE
    except ParityError as error:
        click.echo(f"parity: {error}", err=True)
        status = error.status
    except Exception:  # noqa: BLE001 - an exit status of 1 would say that two trainers differ
        traceback.print_exc()
        click.echo("parity: this is a fault of parity itself, not of a trainer; please report it", err=True)
        status = ExitStatus.BUG
    sys.exit(int(status or 0))
