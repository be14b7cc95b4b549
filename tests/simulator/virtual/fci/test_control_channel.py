import threading

import pytest

from simulator.virtual.fci.control_channel import ControlClient, ControlError, ControlServer

pytestmark = pytest.mark.real_time


def double(request):
    if request["op"] != "double":
        raise ValueError("only doubling is known")
    return 2 * request["value"]


@pytest.fixture
def channel(tmp_path):
    """A served channel's path."""
    server = ControlServer(tmp_path / "control.sock", double)
    ends = threading.Event()

    def serve():
        while not ends.wait(0.001):
            server.poll()

    thread = threading.Thread(target=serve)
    thread.start()
    yield tmp_path / "control.sock"
    ends.set()
    thread.join()
    server.close()


def test_several_clients_are_answered(channel):
    first, second = ControlClient(channel), ControlClient(channel)
    assert first.ask("double", value=4) == 8
    assert second.ask("double", value=0.5) == 1.0
    first.close()
    assert second.ask("double", value=3) == 6
    second.close()


def test_a_refusal_is_the_servers_sentence(channel):
    client = ControlClient(channel)
    with pytest.raises(ControlError, match="only doubling is known"):
        client.ask("halve", value=4)
    assert client.ask("double", value=1) == 2
    client.close()


def test_nonsense_is_answered_not_obeyed(channel):
    client = ControlClient(channel)
    client._socket.sendall(b"[1]\nnot json\n")
    assert b"JSON object" in client._stream.readline()
    assert b"error" in client._stream.readline()
    client.close()
