"""Thin client and gymnasium environments for any daemon of the serl.robot.v1 API."""
