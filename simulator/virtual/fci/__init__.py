"""Emulates the FCI: a simulated Franka arm behind the real network protocol, for unmodified libfranka clients."""

from simulator.virtual.fci.control_channel import ControlClient, ControlError
from simulator.virtual.fci.process import VirtualFciProcess, free_loopback_host

__all__ = ["ControlClient", "ControlError", "VirtualFciProcess", "free_loopback_host"]
