import mujoco
import numpy as np
import pytest

from serl_api.values import Pose
from serl_tasks.plate_insert.places import MOUTH_HEIGHT, PCB, RAM, SLOT_PLACE
from simulator.devices.cell import build_cell

DOWN = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture(params=[("pcb-insert", PCB), ("ram-insert", RAM)], ids=["pcb", "ram"])
def press(request):
    """Presses the plate down beside or into its slot, and returns how deep it went below the mouth, m."""
    name, fit = request.param
    cell = build_cell(name)

    def pressing(beside_y):
        x, y = SLOT_PLACE

        def over(depth):
            return Pose(np.array((x, y + beside_y, MOUTH_HEIGHT + fit.below_tcp - depth)), DOWN)

        cell.scene.reset(seed=0, start=over(-0.002), gripper_width=2 * fit.half_thickness)
        cell.arm.set_target(over(0.02))
        cell.timebase.wait_until(cell.timebase.now_ns() + 1_500_000_000)
        physics = cell.scene.physics
        return MOUTH_HEIGHT - float(physics.data.xpos[physics.model.body(fit.plate).id][2])

    pressing.fit = fit
    yield pressing
    cell.arm.close()
    cell.close()


def test_the_plate_goes_in_as_deep_as_the_slot_and_no_deeper(press):
    assert press(0.0) == pytest.approx(press.fit.depth, abs=0.0007)


def test_the_chamfer_leads_a_plate_in_that_is_a_little_off(press):
    assert press(0.5 * press.fit.chamfer) > 0.8 * press.fit.depth


def test_beside_the_slot_the_plate_stays_above(press):
    assert press(2 * press.fit.half_thickness + press.fit.chamfer + 0.001) < 0.001


def test_nothing_touches_at_the_start(press):
    fit = press.fit
    cell = build_cell(f"{fit.plate}-insert")
    try:
        names = {fit.plate, fit.slot}
        model, data = cell.scene.physics.model, cell.scene.physics.data
        mujoco.mj_forward(model, data)
        touching = {model.body(model.geom_bodyid[geom]).name for pair in data.contact.geom for geom in pair}
        assert not touching & names
    finally:
        cell.close()
