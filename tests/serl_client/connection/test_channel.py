import json
import time

import pytest
from serl.robot.v1 import camera_service_pb2, robot_service_pb2
from serl.simulator.v1 import simulator_service_pb2

from serl_api.errors.robot import AuthenticationError, ConnectionLostError
from serl_client.connection import channel
from serl_client.errors import AddressError
from serl_client.robot import RobotClient

pytestmark = pytest.mark.real_time


def test_a_bad_address_is_the_clients_own_error():
    with pytest.raises(AddressError, match="x:port"):
        channel.Connection("x:port")


def test_only_read_only_methods_are_repeated_by_the_transport():
    services = [
        *robot_service_pb2.DESCRIPTOR.services_by_name.values(),
        *camera_service_pb2.DESCRIPTOR.services_by_name.values(),
        *simulator_service_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    known = {(service.full_name, method.name) for service in services for method in service.methods}
    (config,) = json.loads(channel.service_config())["methodConfig"]
    listed = {(name["service"], name["method"]) for name in config["name"]}
    assert listed <= known
    assert all(method.startswith(("Get", "List", "SyncTime", "RenderView")) for _, method in listed)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "unix:/tmp/nobody-listens-here.sock"])
def test_an_unreachable_address_is_named_with_how_long_it_was_tried(address):
    started = time.monotonic()
    with pytest.raises(ConnectionLostError, match=r"tried for 0\.3 s") as caught:
        RobotClient(address, connect_timeout_s=0.3)
    assert address in str(caught.value)
    assert 0.2 < time.monotonic() - started < 3.0


def test_a_token_is_never_sent_in_clear_text_to_another_machine():
    with pytest.raises(AddressError, match="clear text"):
        channel.Connection("robot-pc:1", token="secret")


def test_token_and_its_refusal(start_daemon, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("secret\n")
    daemon = start_daemon(token_file=token_file)
    try:
        with pytest.raises(AuthenticationError):
            RobotClient(daemon.address, token="wrong", connect_timeout_s=2.0)
        with RobotClient(daemon.address, token="secret") as robot:
            assert robot.get_state().joint_positions.shape == (7,)
            with robot.control("with token") as session:
                session.step(period_s=0.1)
    finally:
        daemon.stop()


def test_a_certificate_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(AddressError, match=r"missing\.pem"):
        channel.Connection("127.0.0.1:1", tls_root=tmp_path / "missing.pem")


def test_tls_with_the_daemons_certificate(start_daemon, certificate):
    daemon = start_daemon(tls_certificate=certificate.certificate, tls_key=certificate.key)
    try:
        port = daemon.address.rpartition(":")[2]
        with RobotClient(f"localhost:{port}", tls_root=certificate.certificate) as robot:
            assert robot.info.cell_name == "fake"
    finally:
        daemon.stop()
