"""Chooses how gRPC waits for the network, before the first channel; importing this module is what does it.

gRPC's event engine hands each message to another thread. Its older poller handles it on the thread that was woken, and
answers a small exchange on one machine in two thirds of the time (docs/results.md). A user's own setting is kept.
"""

import os

os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
