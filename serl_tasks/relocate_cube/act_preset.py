"""Experiment that imitates the script that carries the cube over; `serl-train demo --act` runs it."""

from dataclasses import replace

from serl_tasks.relocate_cube.preset import RELOCATE_FORWARD

RELOCATE_FORWARD_ACT = replace(RELOCATE_FORWARD, algorithm="act", demonstration_count=50)
