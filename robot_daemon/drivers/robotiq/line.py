"""Opens the line to a gripper: a serial port, or a TCP connection to an adapter that passes RTU frames on."""

import contextlib
import errno
import grp
import select
import socket
import stat
import termios
from pathlib import Path

import serial
from serial.tools import list_ports

from robot_daemon.drivers.robotiq.modbus import Line, LineLostError
from robot_daemon.hardware.devices import DeviceConnectError

TCP_PREFIX = "tcp://"


def open_line(port: str, baudrate: int, timeout_s: float) -> Line:
    """Opens `/dev/ttyUSB0` or `tcp://host:port`.

    Raises:
        DeviceConnectError: It cannot be opened; one sentence with the way out.
    """
    if port.startswith(TCP_PREFIX):
        return _open_tcp(port, timeout_s)
    return _open_serial(port, baudrate, timeout_s)


def parse_tcp(port: str) -> tuple[str, int] | None:
    """Splits a `tcp://host:port` into host and port number; None when it is not one."""
    host, colon, number = port.removeprefix(TCP_PREFIX).rpartition(":")
    if not (port.startswith(TCP_PREFIX) and colon and host and number.isdecimal() and 0 < int(number) < 65536):
        return None
    return host.strip("[]"), int(number)


class SerialLine:
    """Carries bytes over a serial port."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    def write(self, data: bytes) -> None:
        """Sends all of it."""
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            raise _vanished(error) from None

    def read(self, count: int) -> bytes:
        """Waits for a number of bytes; fewer after the timeout."""
        try:
            return self._port.read(count)
        except (serial.SerialException, OSError, TypeError) as error:  # TypeError: another thread closed the port.
            raise _vanished(error) from None

    def discard(self) -> None:
        """Throws away what came in."""
        try:
            self._port.reset_input_buffer()
        except (serial.SerialException, OSError, termios.error) as error:
            raise _vanished(error) from None

    def close(self) -> None:
        """Closes the port."""
        with contextlib.suppress(serial.SerialException, OSError):
            self._port.close()


class TcpLine:
    """Carries bytes over a TCP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """Sends all of it."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise LineLostError(f"the connection broke ({error})") from None

    def read(self, count: int) -> bytes:
        """Waits for a number of bytes; fewer after the timeout."""
        data = b""
        while len(data) < count:
            try:
                part = self._connection.recv(count - len(data))
            except TimeoutError:
                break
            except OSError as error:
                raise LineLostError(f"the connection broke ({error})") from None
            if not part:
                raise LineLostError("the other side closed the connection")
            data += part
        return data

    def discard(self) -> None:
        """Throws away what came in."""
        try:
            while select.select([self._connection], [], [], 0.0)[0]:
                if not self._connection.recv(4096):
                    raise LineLostError("the other side closed the connection")
        except OSError as error:
            raise LineLostError(f"the connection broke ({error})") from None

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def _vanished(error: Exception) -> LineLostError:
    reason = error.args[1] if isinstance(error, termios.error) else error
    return LineLostError(f"the port vanished ({reason})")


def _open_tcp(port: str, timeout_s: float) -> Line:
    address = parse_tcp(port)
    if address is None:
        raise DeviceConnectError(f'port is "{port}"; a TCP line is written tcp://HOST:PORT')
    try:
        connection = socket.create_connection(address, timeout=max(timeout_s, 1.0))
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        text = f"no connection to {port} ({reason}); check the address and that the adapter is powered"
        raise DeviceConnectError(text) from None
    connection.settimeout(timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpLine(connection)


def _open_serial(port: str, baudrate: int, timeout_s: float) -> Line:
    try:
        opened = serial.Serial(port, baudrate, timeout=timeout_s, write_timeout=timeout_s, exclusive=True)
    except (serial.SerialException, OSError, ValueError, termios.error) as error:
        raise DeviceConnectError(_explain(port, baudrate, error)) from None
    # USB adapters of FTDI hold answers back for 16 ms otherwise; other ports have no such setting.
    with contextlib.suppress(NotImplementedError, ValueError, OSError):
        opened.set_low_latency_mode(True)
    return SerialLine(opened)


def _explain(port: str, baudrate: int, error: Exception) -> str:
    """Says why a serial port cannot be opened, in one sentence with the way out."""
    if not Path(port).exists():
        return f"serial port {port} does not exist; {_present()}; plug the adapter in or correct the key port"
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        group = _group(port)
        return (
            f"no permission to open serial port {port}, which belongs to group {group}; "
            f"run `sudo usermod -aG {group} $USER` and log in again"
        )
    if not stat.S_ISCHR(Path(port).stat().st_mode) or f"({errno.ENOTTY}, " in str(error):
        return f"{port} is not a serial port; {_present()}"
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in str(error):
        return f"serial port {port} is in use by another program; `fuser -v {port}` names it"
    return f"serial port {port} cannot be opened at {baudrate} baud ({error}); {_present()}"


def _present() -> str:
    """Lists the serial ports of this machine, as half a sentence."""
    ports = sorted(entry.device for entry in list_ports.comports())
    return f"present: {', '.join(ports)}" if ports else "no serial port is present"


def _group(port: str) -> str:
    """Returns the group that may open a port; dialout where it has no name."""
    with contextlib.suppress(KeyError, OSError):
        name = grp.getgrgid(Path(port).stat().st_gid).gr_name
        if name != "root":
            return name
    return "dialout"
