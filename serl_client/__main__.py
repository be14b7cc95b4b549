"""`serl-robot`: a person's tool for any daemon, real or simulated."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from serl_api.errors.robot import RobotError
from serl_api.settings import ConfigError
from serl_client.cli.bench import Bench
from serl_client.cli.certificates import MakeCertificates
from serl_client.cli.command_line import parse_command
from serl_client.cli.estop import EStopCommand
from serl_client.cli.interrupt import INTERRUPTED, certain_interrupt
from serl_client.cli.looking import Faults, Snapshot, Status, Watch
from serl_client.cli.moving import Gripper, Home, Move
from serl_client.cli.options import CommandError, UsageError
from serl_client.cli.safety import Recover, Stop
from serl_client.cli.teleoperation import TeleopDevices
from serl_client.errors import AddressError

Command = (
    Annotated[Status, tyro.conf.subcommand("status")]
    | Annotated[Watch, tyro.conf.subcommand("watch")]
    | Annotated[Move, tyro.conf.subcommand("move")]
    | Annotated[Home, tyro.conf.subcommand("home")]
    | Annotated[Gripper, tyro.conf.subcommand("gripper")]
    | Annotated[Snapshot, tyro.conf.subcommand("snapshot")]
    | Annotated[Stop, tyro.conf.subcommand("stop")]
    | Annotated[EStopCommand, tyro.conf.subcommand("estop")]
    | Annotated[Recover, tyro.conf.subcommand("recover")]
    | Annotated[Faults, tyro.conf.subcommand("faults")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[MakeCertificates, tyro.conf.subcommand("make-certificates")]
    | Annotated[TeleopDevices, tyro.conf.subcommand("teleop-devices")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits: 0 done or Ctrl-C, 1 the robot refused, 2 wrong usage."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        command = parse_command(Command, "serl-robot", __doc__, given)
        with certain_interrupt():
            command.run()
            sys.stdout.flush()
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
    except BrokenPipeError:  # Whoever read the output, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UsageError, AddressError, ConfigError) as error:
        sys.exit(_fail(error, 2))
    except (CommandError, RobotError, OSError, ValueError) as error:
        sys.exit(_fail(error, 1))


def _fail(error: Exception, code: int) -> int:
    print(f"serl-robot: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
