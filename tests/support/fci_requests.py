"""Packs the requests of a client of the virtual FCI."""

from simulator.virtual.fci.protocol import HEADER


def pack_request(request):
    """A request as a client sends it."""
    return HEADER.pack(request.command, request.command_id, HEADER.size + len(request.payload)) + request.payload
