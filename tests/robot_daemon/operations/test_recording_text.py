import csv
import io

import numpy as np
import pytest

from robot_daemon.control.events import Command
from robot_daemon.operations.recording import Recording, pack_commands, pack_samples
from robot_daemon.operations.recording_text import PLOT_WIDTH, signals, summarize, write_csv
from serl_api.values import GripperTarget, Pose

SECOND = 1_000_000_000


@pytest.fixture
def recording(arm_at, gripper_at):
    """Two seconds at 100 Hz: the arm rises 1 m/s, a push of 50 N comes at 1.5 s; commands to z = 1 from 0.5 s on."""
    samples = [
        (arm_at(n * SECOND // 100, z=n / 100, force=50.0 if n >= 150 else 0.0), gripper_at(n)) for n in range(200)
    ]
    up = Pose(np.array([0.4, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0]))
    commands = [Command(SECOND // 2, 1, up, GripperTarget(width=0.02)), Command(SECOND, 2, None, None)]
    events = [{"name": "fault_raised", "time_ns": SECOND * 3 // 2, "fault": "contact_force", "text": "it hit"}]
    header = {
        "trigger_time_ns": SECOND * 3 // 2,
        "trigger_wall_time": "2026-01-01T00:00:00.000+00:00",
        "triggers": events,
        "events": events,
        "facts": {"cell": "active_cell", "gripper": ""},
    }
    return Recording(header=header, arrays={**pack_samples(samples), **pack_commands(commands, 7)})


def test_the_summary_says_what_happened_and_when(recording):
    lines = list(summarize(recording))
    assert lines[0] == "cell active_cell"
    assert "fault_raised fault=contact_force text=it hit" in lines[1]
    assert lines[2] == "states   200, from -1.50 s to +0.49 s, 100 Hz, longest gap 10.0 ms"
    assert lines[3] == "commands 2"
    assert lines[5].startswith("    +0.000 s  fault_raised")


def test_plots_rise_at_the_trigger(recording):
    lines = {line[:26].strip(): line[-PLOT_WIDTH:] for line in summarize(recording)}
    mark = lines["signal"].index("▼")
    force = lines["external force (N)"]
    assert set(force[:mark]) == {"▁"}
    assert set(force[mark + 1 :]) == {"█"}
    assert lines["tcp z (m)"][0] == "▁"
    assert lines["tcp z (m)"][-1] == "█"


def test_the_distance_to_the_target_begins_with_the_first_command(recording):
    distance = signals(recording)["distance to target (m)"]
    assert np.isnan(distance[:50]).all()
    np.testing.assert_allclose(distance[50:], np.abs(1.0 - np.arange(50, 200) / 100), atol=1e-12)


def test_the_table_has_one_row_a_state(recording):
    file = io.StringIO()
    assert write_csv(recording, file) == 200
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert float(rows[0]["time_s"]) == -1.5
    assert (rows[49]["target_kind"], rows[49]["target_3"]) == ("", "")
    assert (rows[50]["target_kind"], float(rows[50]["target_3"])) == ("tcp_pose", 1.0)
    assert float(rows[150]["external_wrench_fz"]) == 50.0
    assert float(rows[10]["tcp_position_z"]) == 0.1
    assert float(rows[0]["q7"]) == 6.0
    assert float(rows[0]["gripper_width"]) == 0.04


@pytest.mark.parametrize("count", [0, 1])
def test_a_recording_without_states_or_commands_is_told_all_the_same(recording, arm_at, count):
    arrays = {**pack_samples([(arm_at(0), None)] * count), **pack_commands([], 7 * count)}
    bare = Recording(header=recording.header, arrays=arrays)
    assert f"states   {count}" in list(summarize(bare))
    assert write_csv(bare, io.StringIO()) == count
