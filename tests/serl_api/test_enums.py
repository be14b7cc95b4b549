import pytest
from serl.robot.v1 import control_pb2, observation_pb2, robot_service_pb2, state_pb2

from serl_api import enums

PAIRS = [
    (enums.ArmMode, state_pb2.ArmMode, "ARM_MODE_"),
    (enums.Backend, robot_service_pb2.Backend, "BACKEND_"),
    (enums.ClipKind, control_pb2.ClipKind, "CLIP_KIND_"),
    (enums.ControlMode, robot_service_pb2.ControlMode, "CONTROL_MODE_"),
    (enums.FaultSeverity, state_pb2.FaultSeverity, "FAULT_SEVERITY_"),
    (enums.FaultSource, state_pb2.FaultSource, "FAULT_SOURCE_"),
    (enums.GripperMotion, state_pb2.GripperMotion, "GRIPPER_MOTION_"),
    (enums.MotionOutcome, control_pb2.MotionOutcome, "MOTION_OUTCOME_"),
    (enums.Pacing, robot_service_pb2.Pacing, "PACING_"),
    (enums.PixelEncoding, observation_pb2.PixelEncoding, "PIXEL_ENCODING_"),
    (enums.StampSource, observation_pb2.StampSource, "STAMP_SOURCE_"),
]


@pytest.mark.parametrize(("ours", "schema", "prefix"), PAIRS, ids=lambda value: getattr(value, "__name__", ""))
def test_numbers_and_names_are_the_schemas(ours, schema, prefix):
    expected = {name.removeprefix(prefix): number for name, number in schema.items()}
    expected["UNKNOWN"] = expected.pop("UNSPECIFIED")
    assert {member.name: member.value for member in ours} == expected


def test_a_number_of_a_later_schema_is_unknown():
    assert enums.ArmMode(99) is enums.ArmMode.UNKNOWN
