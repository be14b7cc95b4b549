from simulator.devices.injection import Condition, Injections, Latency
from tests.support.clocks import ManualTimebase


def test_a_condition_lasts_for_its_duration():
    clock = ManualTimebase()
    injections = Injections(clock)
    injections.inject(Condition.CAMERA_DROPOUT, device="front", duration_ns=10)
    assert injections.is_active(Condition.CAMERA_DROPOUT, "front")
    assert not injections.is_active(Condition.CAMERA_DROPOUT, "wrist")
    clock.time_ns = 10
    assert not injections.is_active(Condition.CAMERA_DROPOUT, "front")


def test_without_a_duration_it_lasts_until_cleared():
    clock = ManualTimebase()
    injections = Injections(clock)
    injections.inject(Condition.GRIPPER_JAM)
    clock.time_ns = 10**18
    assert injections.is_active(Condition.GRIPPER_JAM)
    injections.clear()
    assert not injections.is_active(Condition.GRIPPER_JAM)


def test_latency_is_that_of_its_camera():
    injections = Injections(ManualTimebase())
    latency = Latency(delay_ns=5, jitter_ns=1)
    injections.inject(Condition.CAMERA_LATENCY, device="wrist", latency=latency)
    assert injections.latency_of(Condition.CAMERA_LATENCY, "wrist") == latency
    assert injections.latency_of(Condition.CAMERA_LATENCY, "front") is None
