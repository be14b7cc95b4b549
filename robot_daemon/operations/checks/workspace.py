"""Says when the arm stands where its configured workspace does not let it be."""

import math

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.hardware.devices import ArmSample
from serl_api.rotation import angle_between, normalized


def outside_workspace(config: LimitsConfig, state: ArmSample) -> str:
    """Returns one sentence with the way out when the measured pose lies outside the workspace; empty inside.

    A `Step` would lead such an arm straight back to the box, one step limit at a time.
    """
    outside = [
        f"{axis} = {value:.3f} m, outside {lower:g} to {upper:g} m"
        for axis, value, lower, upper in zip(
            "xyz", state.tcp_pose.position.tolist(), config.workspace_lower_m, config.workspace_upper_m, strict=True
        )
        if not lower <= value <= upper
    ]
    x, y, z, w = state.tcp_pose.quaternion_xyzw.tolist()
    angle = angle_between((x, y, z, w), normalized(config.workspace_orientation_xyzw))
    if angle > config.workspace_rotation_rad + 1e-6 and config.workspace_rotation_rad < math.pi:
        outside.append(f"turned {angle:.3f} rad from its orientation, more than {config.workspace_rotation_rad:g} rad")
    if not outside:
        return ""
    return (
        f"the tool is outside the workspace ({'; '.join(outside)}), so the first step would lead it back inside; "
        "guide the arm into the box by hand, or widen limits.workspace_* in the file of the cell"
    )
