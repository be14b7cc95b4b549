import numpy as np

from simulator.virtual.fci.cycle_log import CycleLogWriter, read_cycle_log


def write(log, cycle):
    log.append(
        cycle,
        times_ns=(1000 * cycle, 7, 9),
        modes=(2, 5, 2),
        has_command=True,
        missed=3,
        vectors=(*(np.full(7, float(number)) for number in range(4)), np.full(3, 4.0)),
    )


def test_records_come_back_in_order(tmp_path):
    log = CycleLogWriter(tmp_path / "log", records=100)
    for cycle in range(1, 31):
        write(log, cycle)
    records = read_cycle_log(tmp_path / "log")
    assert records["cycle"].tolist() == list(range(1, 31))
    last = records[-1]
    assert (last["time_ns"], last["lateness_ns"], last["work_ns"]) == (30_000, 7, 9)
    assert (last["robot_mode"], last["motion_generator_mode"], last["controller_mode"]) == (2, 5, 2)
    assert (last["torque"][0], last["external_torques"][6], last["flange_position"][2]) == (0.0, 3.0, 4.0)


def test_a_full_ring_keeps_the_newest(tmp_path):
    log = CycleLogWriter(tmp_path / "log", records=10)
    for cycle in range(1, 26):
        write(log, cycle)
    assert read_cycle_log(tmp_path / "log")["cycle"].tolist() == list(range(16, 26))
