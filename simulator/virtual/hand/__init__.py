"""Emulates the Franka Hand: the server that libfranka's gripper client connects to, over a model of the hand."""

from simulator.virtual.hand.hand import Hand
from simulator.virtual.hand.protocol import Kind, Outcome
from simulator.virtual.hand.server import VirtualHand

__all__ = ["Hand", "Kind", "Outcome", "VirtualHand"]
