"""A control box with a client that needs no network."""

import struct

import numpy as np
import pytest

from simulator.model.arm_table import FR3
from simulator.virtual.fci.controller.control_box import ControlBox
from simulator.virtual.fci.controller.plant import Plant
from simulator.virtual.fci.protocol import HEADER, MOTION_COMMAND, Command, Controller, Generator, Request


class Client:
    """Talks to a control box as libfranka would, cycle by cycle."""

    def __init__(self, box):
        self.box = box
        self.replies = []
        self._number = 0

    def ask(self, command, payload=b""):
        """Sends a command; its number."""
        self._number += 1
        answer = self.box.handle(Request(command=command, command_id=self._number, payload=payload))
        if answer is not None:
            self.replies.append(answer)
        return self._number

    def move(self, controller=Controller.EXTERNAL, generator=Generator.NONE):
        """Asks for a motion."""
        payload = struct.pack("<II3d3dB7d", controller, generator - 1, *[10.0, 3.12, 6.28] * 2, 0, *[0.0] * 7)
        return self.ask(Command.MOVE, payload)

    def command(self, **fields):
        """A motion command that answers the last state."""
        command = np.zeros(1, dtype=MOTION_COMMAND)[0]
        command["message_id"] = self.box.message_id
        for name, value in fields.items():
            command[name] = value
        return command

    def cycle(self, count=1, **fields):
        """Lets cycles pass, each with a command."""
        for _ in range(count):
            self.box.cycle(self.command(**fields), was_due=True)
            self.replies += self.box.take_responses()

    def be_silent(self, count=1, *, was_due=True):
        """Lets cycles pass without commands."""
        for _ in range(count):
            self.box.cycle(None, was_due=was_due)
            self.replies += self.box.take_responses()

    def statuses(self, number):
        """All statuses that a command was answered with."""
        return [reply[HEADER.size] for reply in self.replies if HEADER.unpack_from(reply)[1] == number]


@pytest.fixture
def client():
    """A client of a fresh FR3 without gripper."""
    return Client(ControlBox(Plant(FR3)))


@pytest.fixture
def box(client):
    """The client's control box."""
    return client.box
