"""One sentence for each way in which a Franka arm can refuse, and what to do about it."""

import errno
import os

import franky

# Server version, system image, libfranka that speaks it (Franka's compatibility matrix).
_LIBFRANKA_OF = {
    3: "0.7.1",
    4: "0.8.0",
    5: "0.9.2 (Panda, system 4.2)",
    6: "0.10.0",
    7: "0.13.3",
    8: "0.14.1",
    9: "0.15.0",
    10: "0.18.0 or newer (FR3, system 5.9)",
}

_ADDRESS_HINT = (
    "check the cable, that this computer has an address in the same network, and the address in Desk under Settings, "
    "Network; see docs/hardware"
)


def connect_text(host: str, error: BaseException) -> str:
    """Why an arm could not be connected to."""
    said = str(error)
    lower = said.lower()
    if isinstance(error, franky.IncompatibleVersionException):
        return _version_text(host, said)
    if isinstance(error, franky.RealtimeException):
        return _realtime_text(said)
    if "refused" in lower:
        return (
            f"the control box at {host} refuses the connection; activate FCI in Desk, unlock the joints, and end any "
            "other program that holds the arm"
        )
    if "udp" in lower:
        return f"the control box at {host} answers, but its states do not arrive ({said}); let UDP through the firewall"
    if "timeout" in lower or "no route" in lower or "unreachable" in lower or "not found" in lower:
        return f"no control box answers at {host} ({said}); {_ADDRESS_HINT}"
    return f"the arm at {host} cannot be used: {said}"


def silent_text(host: str, seconds: float) -> str:
    """The control box accepted the connection and then said nothing."""
    return (
        f"the control box at {host} took the connection but gave no answer for {seconds:g} s; end any other program "
        "that holds the arm, or restart the control box"
    )


def _version_text(host: str, said: str) -> str:
    numbers = [int(word) for word in said.replace(",", " ").replace(")", " ").split() if word.isdigit()]
    server = numbers[0] if numbers else None
    needed = _LIBFRANKA_OF.get(server, "another version") if server is not None else "another version"
    table = "; ".join(f"{number}: libfranka {library}" for number, library in _LIBFRANKA_OF.items())
    return (
        f"the arm at {host} speaks server version {server}, the installed franky speaks 10: update the arm's system "
        f"image in Desk, or install a franky built for libfranka {needed} (versions: {table})"
    )


def _realtime_text(said: str) -> str:
    if "priority" in said.lower() or "scheduling" in said.lower() or "permitted" in said.lower():
        return (
            f"the control thread may not run with realtime priority ({said}); give the user rtprio 99 and unlimited "
            "memlock in /etc/security/limits.d, or run under the unit that `robot-daemon install-unit` writes"
        )
    return (
        f"this kernel ({os.uname().release}) is not a realtime kernel, so late cycles would stop the arm at any time; "
        'boot a PREEMPT_RT kernel, or set realtime = "ignore" in [arm] for trials'
    )


def is_connection_loss(error: BaseException) -> bool:
    """Whether the connection to the control box is gone, as opposed to a motion that failed."""
    if isinstance(error, franky.NetworkException | franky.ProtocolException):
        return True
    if isinstance(error, OSError) and error.errno in (errno.ECONNRESET, errno.EPIPE):
        return True
    # libfranka's sockets throw bare Poco exceptions in some places.
    return type(error) is RuntimeError and "net exception" in str(error).lower()


def error_names(errors: franky.Errors) -> list[str]:
    """Names of the errors that are set, as in libfranka's documentation."""
    return [name for name in _ERROR_NAMES if getattr(errors, name)]


_ERROR_NAMES = tuple(
    name
    for name in dir(franky.Errors)
    if not name.startswith("_") and isinstance(getattr(franky.Errors, name), property)
)
