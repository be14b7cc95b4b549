"""Reads the state of a cell, lifts the TCP by 2 cm and takes a picture: RobotClient alone, without gymnasium.

serl-sim --task pick-cube --address 127.0.0.1:50051 &     # or robot-daemon, or serl-virtual cell
python examples/plain_client.py 127.0.0.1:50051
"""

import sys

import numpy as np

from serl_client import CameraClient, Pose, RobotClient


def main(address: str) -> None:
    """Prints facts, state, ten steps of 2 mm and the mean colour of a camera's frame."""
    with RobotClient(address) as robot, CameraClient(address) as cameras:
        state = robot.get_state()
        print(f"{robot.info.cell_name}: {robot.info.arm.model}, {robot.info.backend.name}, {state.mode.name}")
        print(f"tcp at {state.tcp_pose.position} m, joints at {state.joint_positions} rad")

        with robot.control("plain_client") as session:  # The arm is ours until the block ends, however it ends.
            up = np.array((0.0, 0.0, 0.002))
            for step in range(1, 11):
                target = Pose(state.tcp_pose.position + step * up, state.tcp_pose.quaternion_xyzw)
                result = session.step(target, period_s=0.1)  # Blocks for the period: nothing here sleeps.
                height = result.observation.state.tcp_pose.position[2]
                print(f"step {step}: at {height:.4f} m, clipped {[clip.kind.name for clip in result.clips]}")

        for name, camera in cameras.list_cameras().items():
            rgb = cameras.get_frame(name).rgb
            print(f"camera {name}: {camera.model}, {rgb.shape}, mean colour {rgb.mean(axis=(0, 1)).round()}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
