"""Serves one arm with gripper and cameras by the API `serl.robot.v1`."""

import os

# gRPC's older poller answers a small exchange in two thirds of the time of its event engine; see docs/results.md.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
