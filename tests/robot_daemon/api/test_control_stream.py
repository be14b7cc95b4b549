"""A control stream whose client is gone gives the arm back, whatever it is in the middle of."""

import contextlib
import threading

from serl.robot.v1 import control_pb2, robot_service_pb2, robot_service_pb2_grpc

from serl_api.security import open_channel
from tests.support.daemons import serve
from tests.support.waiting import wait_until


def test_the_end_of_a_call_frees_an_arm_whose_step_is_still_under_way(monkeypatch):
    daemon = serve()
    in_step, may_end = threading.Event(), threading.Event()

    def wait(time_ns):
        in_step.set()
        may_end.wait()

    monkeypatch.setattr(daemon.core.cell.timebase, "wait_until", wait)
    step = control_pb2.Step()
    step.period.FromMilliseconds(50)
    requests = (
        robot_service_pb2.ControlRequest(sequence_number=1, open=control_pb2.Open(client_name="ada")),
        robot_service_pb2.ControlRequest(sequence_number=2, step=step),
    )
    with contextlib.closing(daemon), contextlib.ExitStack() as stack, open_channel(daemon.address) as channel:
        stack.callback(may_end.set)
        call = robot_service_pb2_grpc.RobotServiceStub(channel).Control(iter(requests))
        assert in_step.wait(10.0)
        assert daemon.core.session is not None
        call.cancel()
        wait_until(lambda: daemon.core.session is None)
        assert not may_end.is_set()
