"""Recordings for the rerun viewer, read back from the file: every stream, row by row, on every timeline."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serl_rl.algorithms.algorithm import ActionValues
from serl_rl.errors import UsageError
from serl_rl.visualization.rerun_stream import RerunStream, free_path
from tests.support.waiting import wait_until

pytest.importorskip("rerun", reason="needs the extra serl-robot[rerun]")


def rows_of(batch):
    """Rows as plain values; times in ns."""
    import pyarrow as pa

    columns = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        is_time = pa.types.is_temporal(values.type)
        columns[name] = (values.cast(pa.int64()) if is_time else values).to_pylist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def read(path):
    """Rows of each entity in the order of the steps: {path: [{column: value}]}; what is static under None."""
    from rerun.chunk import RrdReader

    rows, static = {}, {}
    for chunk in RrdReader(path).stream():
        target = static if chunk.is_static else rows
        target.setdefault(chunk.entity_path, []).extend(rows_of(chunk.to_record_batch()))
    for found in rows.values():
        found.sort(key=lambda row: row.get("step", 0))
    return rows | {None: static}


def column(rows, name):
    return [row[name] for row in rows if row.get(name) is not None]


def numbers(rows):
    return column(rows, "Scalars:scalars")


@pytest.fixture
def recording(make_record, make_episode, labels, tmp_path):
    """Two episodes, the first with interventions and successful, the second lost."""
    path = tmp_path / "sub" / "look.rrd"
    with RerunStream.open(str(path), labels, name="test") as stream:
        assert stream.wants(1)
        for record in make_episode(3, intervention=True):
            stream.show(record)
        for record in make_episode(2, episode=2, success=False):
            stream.show(record)
    return read(path)


def test_nothing_is_left_out(recording):
    expected = {
        "/cameras/front": 7,
        "/cameras/wrist": 7,
        "/world/tcp": 7,
        "/world/objects/cube": 7,
        "/action": 5,
        "/intervention": 5,
        "/value/mean": 5,
        "/value/spread": 5,
        "/value/critics": 5,
        "/reward/step": 7,
        "/reward/sum": 7,
        "/probability/success": 7,
        "/gripper/width": 7,
        "/success": 2,
        "/events": 2,
    }
    assert {path: len(recording[path]) for path in expected} == expected
    assert len(recording["/world/path"]) == 7 + 2  # Coloured anew at each end.
    assert set(recording) - {None, "/__properties"} == {*expected, "/world/path"}


def test_every_row_lies_on_all_timelines(recording):
    for path in ("/cameras/front", "/reward/step", "/world/tcp"):
        assert column(recording[path], "step") == list(range(7))
        assert column(recording[path], "episode") == [1] * 4 + [2] * 3
        seconds = np.array(column(recording[path], "time")) / 1e9
        np.testing.assert_allclose(seconds, 0.1 * np.arange(7))  # The robot's, one episode after the other.
    assert column(recording["/action"], "step") == [0, 1, 2, 4, 5]


def test_numbers_are_those_of_the_moments(recording):
    np.testing.assert_allclose(numbers(recording["/action"]), [[0.5, -0.5, 0.1, 1.0]] * 5, atol=1e-6)
    np.testing.assert_allclose(numbers(recording["/value/mean"])[:3], [[0.3], [0.4], [0.5]])
    np.testing.assert_allclose(numbers(recording["/value/spread"]), [[0.1]] * 5)
    np.testing.assert_allclose(numbers(recording["/value/critics"])[1], [0.3, 0.5])
    np.testing.assert_allclose(numbers(recording["/probability/success"])[2], [0.5])
    np.testing.assert_allclose(numbers(recording["/gripper/width"])[0], [0.04])
    assert numbers(recording["/intervention"]) == [[1.0]] * 3 + [[0.0]] * 2
    assert numbers(recording["/success"]) == [[1.0], [0.0]]
    assert numbers(recording["/reward/step"]) == [[0.0]] * 3 + [[1.0]] + [[0.0]] * 3
    assert numbers(recording["/reward/sum"])[3] == [1.0]


def test_the_path_grows_within_an_episode_and_begins_anew(recording):
    strips = column(recording["/world/path"], "LineStrips3D:strips")
    assert [len(strip[0]) for strip in strips] == [1, 2, 3, 4, 4, 1, 2, 3, 3]
    np.testing.assert_allclose(strips[3][0][-1], [0.4, 0.03, 0.2], atol=1e-6)
    translation = column(recording["/world/tcp"], "Transform3D:translation")
    np.testing.assert_allclose(translation[2][0], [0.4, 0.02, 0.2], atol=1e-6)
    quaternion = column(recording["/world/tcp"], "Transform3D:quaternion")
    np.testing.assert_allclose(quaternion[2][0], [1.0, 0.0, 0.0, 0.0], atol=1e-6)  # xyzw.


def test_pictures_are_those_of_the_cameras(labels, make_record, tmp_path):
    ramp = np.add.outer(np.arange(64), 2 * np.arange(64))[..., None] * np.array([1.0, 0.5, 0.2])
    record = make_record(cameras={"front": ramp.astype(np.uint8)})
    with RerunStream.open(str(tmp_path / "a.rrd"), labels, name="test") as stream:
        stream.show(record)
    blob = bytes(column(read(tmp_path / "a.rrd")["/cameras/front"], "EncodedImage:blob")[0][0])
    found = np.asarray(Image.open(io.BytesIO(blob)), float)
    assert np.abs(found - record.cameras["front"]).mean() < 2.0


def test_what_never_changes_is_described_once(recording):
    static = recording[None]
    assert static["/action"][0]["SeriesLines:names"] == ["x", "y", "z", "gripper"]
    assert static["/threshold/success"][0].get("Scalars:scalars", static["/threshold/success"][-1]) is not None
    assert [0.6] in numbers(static["/threshold/success"])


def test_events_say_how_episodes_ended(recording):
    first, second = (row[0] for row in column(recording["/events"], "TextLog:text"))
    assert first == "episode 1: success after 3 steps, ended by the task, return 1"
    assert second == "episode 2: failure after 2 steps, ended by the time limit, return 0"


def test_the_scene_and_the_gripper_s_value_are_streamed_where_there_are_any(labels, make_record, tmp_path):
    record = make_record(
        cameras={}, scene=np.zeros((8, 8, 3), np.uint8), values=ActionValues(arm=np.array([0.5]), grasp=0.25)
    )
    with RerunStream.open(str(tmp_path / "a.rrd"), labels, name="test") as stream:
        stream.show(record)
    found = read(tmp_path / "a.rrd")
    assert len(found["/scene"]) == 1
    assert numbers(found["/value/grasp"]) == [[0.25]]


def test_a_recording_is_never_written_over(labels, make_record, tmp_path):
    for _ in range(2):
        with RerunStream.open(str(tmp_path / "a.rrd"), labels, name="test") as stream:
            stream.show(make_record())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.rrd", "a.rrd"]
    assert free_path(tmp_path / "a.rrd").name == "a-3.rrd"


@pytest.mark.filterwarnings("ignore:RRD file has no footer")
def test_a_kill_leaves_what_was_batched(tmp_path):
    """The file of a killed process can be read, all but the last batches."""
    path = tmp_path / "killed.rrd"
    script = """
        import sys, time
        import numpy as np
        from serl_rl.visualization.labels import Labels
        from serl_rl.visualization.step_record import StepRecord
        from serl_rl.visualization.rerun_stream import RerunStream
        labels = Labels(action=("x",), cameras=())
        with RerunStream.open(sys.argv[1], labels, name="test") as stream:
            for step in range(10**6):
                stream.show(StepRecord(episode=1, step=step, time_s=step / 10, cameras={}, action=np.zeros(1)))
                print(step, flush=True)
                time.sleep(0.05)
    """
    call = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        size = -1
        for line in child.stdout:
            if size < 0 and int(line) > 5:
                size = path.stat().st_size
            if size >= 0 and path.stat().st_size > size + 2000:  # Another batch has come.
                break
        child.send_signal(signal.SIGKILL)
    steps = column(read(path)["/action"], "step")
    assert steps == list(range(len(steps)))
    assert len(steps) > 5


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("out.mp4", r"must be a file that ends in \.rrd"),
        ("rerun+http://127.0.0.1:1/proxy", r"no rerun viewer answers at .*start one with the command `rerun`"),
        ("/dev/null/out.rrd", r"cannot write the recording"),
    ],
)
def test_a_target_that_cannot_work_is_one_sentence(labels, target, message):
    with pytest.raises(UsageError, match=message), RerunStream.open(target, labels, name="test"):
        pytest.fail("it was opened")


def test_without_the_package_there_is_one_sentence(labels, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    expected = r"pip install 'serl-robot\[rerun\]'"
    with pytest.raises(UsageError, match=expected), RerunStream.open("a.rrd", labels, name="test"):
        pytest.fail("it was opened")


@pytest.mark.filterwarnings("ignore:RRD file has no footer")
def test_a_viewer_that_listens_gets_everything(labels, make_episode, tmp_path):
    """rerun's own program in the place of its window: it writes what it is sent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("rerun")
    call = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", tmp_path / "viewer.rrd"]
    environment = os.environ | {"RERUN_ANALYTICS": "0", "HOME": str(tmp_path)}
    with subprocess.Popen(call, env=environment, stderr=subprocess.DEVNULL) as viewer:
        try:
            with opened(f"rerun+http://127.0.0.1:{port}/proxy", labels) as stream:
                for record in make_episode(2):
                    stream.show(record)
            wait_until(lambda: "/events" in read(tmp_path / "viewer.rrd"))
        finally:
            viewer.send_signal(signal.SIGINT)
    assert len(read(tmp_path / "viewer.rrd")["/action"]) == 2


@contextlib.contextmanager
def opened(address, labels):
    """The stream, once the viewer answers."""
    with contextlib.ExitStack() as stack:
        streams = []

        def open_stream():
            with contextlib.suppress(UsageError):
                streams.append(stack.enter_context(RerunStream.open(address, labels, name="test")))
            return streams

        wait_until(open_stream)
        yield streams[0]
