"""The contract of CameraService."""

import io

import grpc
import numpy as np
import pytest
from PIL import Image
from serl.robot.v1 import camera_service_pb2 as messages
from serl.robot.v1 import camera_service_pb2_grpc, observation_pb2

import serl_client
from serl_api.errors.robot import robot_error


@pytest.fixture
def cameras(target, client):
    return camera_service_pb2_grpc.CameraServiceStub(target.channel)


@pytest.fixture
def first(client):
    return next(iter(client.info.cameras))


def refusal(target, call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), robot_error(caught.value, target.address)


def get(cameras, name, encoding=observation_pb2.PIXEL_ENCODING_UNSPECIFIED, **fields):
    return cameras.GetFrame(messages.GetFrameRequest(camera=name, encoding=encoding, **fields), timeout=10.0).frame


def pixels(frame):
    return np.frombuffer(frame.data, np.uint8).reshape(frame.height_px, frame.width_px, 3)


def test_cameras_are_listed_as_in_the_description(cameras, client):
    listed = cameras.ListCameras(messages.ListCamerasRequest(), timeout=10.0).cameras
    assert [camera.name for camera in listed] == list(client.info.cameras)
    assert all(camera.delivering for camera in listed)


def test_a_raw_frame_has_the_advertised_size(cameras, client, first):
    frame, info = get(cameras, first), client.info.cameras[first]
    assert frame.encoding == observation_pb2.PIXEL_ENCODING_RGB8
    assert (frame.width_px, frame.height_px) == (info.width, info.height)
    assert len(frame.data) == 3 * info.width * info.height


@pytest.mark.parametrize(("encoding", "tolerance"), [("JPEG", 12.0), ("PNG", 0.0)])
def test_encoded_frames_show_the_same_picture(target, cameras, first, encoding, tolerance):
    if not target.is_lockstep:
        pytest.skip("the scene may change between two frames")
    raw = pixels(get(cameras, first))
    coded = get(cameras, first, observation_pb2.PixelEncoding.Value(f"PIXEL_ENCODING_{encoding}"))
    decoded = np.asarray(Image.open(io.BytesIO(coded.data)).convert("RGB"))
    assert np.abs(decoded.astype(float) - raw).mean() <= tolerance


@pytest.mark.trap
def test_two_readers_get_the_same_frame(target, cameras, first):
    if not target.is_lockstep:
        pytest.skip("time passes between two readers")
    one, other = get(cameras, first), get(cameras, first)
    assert (one.frame_number, one.data) == (other.frame_number, other.data)


def test_frames_carry_rising_numbers_and_stamps(client, cameras, first):
    stream = cameras.StreamFrames(messages.StreamFramesRequest(cameras=[first]), timeout=20.0)
    frames = [next(stream).frame]
    with client.control("ada") as session:
        for _ in range(2):
            session.step(period_s=0.05)
            frames.append(next(stream).frame)
    stream.cancel()
    numbers = [frame.frame_number for frame in frames]
    assert numbers == sorted(set(numbers))
    for frame in frames:
        assert frame.exposure_time_ns <= frame.receive_time_ns


def test_a_stream_of_every_camera_names_each(client, cameras):
    stream = cameras.StreamFrames(messages.StreamFramesRequest(), timeout=20.0)
    seen = {next(stream).frame.camera for _ in client.info.cameras}
    stream.cancel()
    assert seen == set(client.info.cameras)


def test_an_unknown_camera_is_refused_with_the_list(target, cameras, client):
    code, error = refusal(target, lambda: get(cameras, "elbow"))
    assert (code, type(error)) == (grpc.StatusCode.NOT_FOUND, serl_client.NotFoundError)
    assert set(error.available) == set(client.info.cameras)


def test_a_depth_encoding_is_no_colour(target, cameras, first):
    code, _ = refusal(target, lambda: get(cameras, first, observation_pb2.PIXEL_ENCODING_DEPTH16))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_depth_comes_where_the_camera_has_it(target, cameras, client, first):
    if client.info.cameras[first].has_depth:
        depth = get(cameras, first, include_depth=True).depth
        assert len(depth.data) == 2 * depth.width_px * depth.height_px
        assert depth.depth_scale_m > 0.0
    else:
        code, error = refusal(target, lambda: get(cameras, first, include_depth=True))
        assert (code, type(error)) == (grpc.StatusCode.UNIMPLEMENTED, serl_client.NotEquippedError)


def test_a_lost_camera_is_unavailable_and_returns(target, cameras, client, first, until):
    target.inject("camera_dropout", camera=first)
    if target.is_lockstep:
        with client.control("ada") as session:
            session.step(period_s=0.05)
    else:
        until(client, lambda state: state.faults != ())
    code, error = refusal(target, lambda: get(cameras, first))
    assert (code, type(error)) == (grpc.StatusCode.UNAVAILABLE, serl_client.DeviceUnavailableError)
    target.clear()
    if not target.is_lockstep:
        until(client, lambda state: state.faults == ())
    assert get(cameras, first).camera == first
