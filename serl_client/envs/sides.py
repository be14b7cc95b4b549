"""Tells the left arm's cell from the right one's, and refuses pairs that do not belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from serl_api.enums import Backend
from serl_api.errors.robot import RobotError
from serl_client.errors import TaskMismatchError
from serl_client.robot import RobotClient

_Error = TypeVar("_Error", bound=RobotError)

SIDES = ("left", "right")
"""Names of the two arms, in the order of addresses and actions."""


def split_address(address: str) -> tuple[str, str]:
    """Returns the left and the right daemon's address, of a text such as "left-pc:50051,right-pc:50051".

    Raises:
        ValueError: There are not two.
    """
    parts = [part.strip() for part in address.split(",")]
    if len(parts) != len(SIDES) or not all(parts):
        raise ValueError(f'two arms need two addresses, as "left-pc:50051,right-pc:50051"; this is "{address}"')
    return parts[0], parts[1]


def of_arm(error: _Error, side: str) -> _Error:
    """Returns an error of the same kind that says which arm it is about."""
    return type(error)(f"{side} arm: {error}", {**error.metadata, "side": side})


def require_pair(clients: Sequence[RobotClient]) -> None:
    """Checks that two daemons are the left and the right arm's of one cell.

    Raises:
        TaskMismatchError: They are exchanged or unnamed, or differ in version or pacing, or are two simulators.
    """
    for side, client in zip(SIDES, clients, strict=True):
        _require_side(side, client)
    left, right = (client.info for client in clients)
    if left.daemon_version != right.daemon_version:
        raise TaskMismatchError(
            f"the left arm's daemon is of version {left.daemon_version}, the right one's of {right.daemon_version}; "
            "install the same on both"
        )
    if left.pacing is not right.pacing:
        raise TaskMismatchError(
            f"the left arm runs in {_spoken(left.pacing.name)}, the right one in {_spoken(right.pacing.name)}; "
            "start both alike"
        )
    if left.backend is not right.backend:
        raise TaskMismatchError(
            f"the left arm is {_spoken(left.backend.name)}, the right one {_spoken(right.backend.name)}; "
            "take two of a kind"
        )
    if left.backend is Backend.SIMULATED and left.boot_id != right.boot_id:
        raise TaskMismatchError(
            f"{clients[0].address} and {clients[1].address} are two simulators, whose arms never meet; give the two "
            "addresses of one that has two arms"
        )


def _require_side(side: str, client: RobotClient) -> None:
    name = client.info.cell_name
    named = [one for one in SIDES if one in re.split("[^a-z]+", name.lower())]
    if named == [side]:
        return
    if len(named) == 1:
        raise TaskMismatchError(
            f"the {side} arm's address, {client.address}, is that of cell {name}: left and right are exchanged; "
            "give the addresses the other way round"
        )
    raise TaskMismatchError(
        f"cell {name} at {client.address} does not say whether it is the left or the right arm's; name it in its file, "
        f'such as "{side}"'
    )


def _spoken(name: str) -> str:
    return name.lower().replace("_", " ")
