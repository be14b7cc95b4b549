"""Moves the fingers of a virtual arm's scene, so that a virtual gripper can grasp what is there."""

import threading
from pathlib import Path

from simulator.virtual.fci.control_channel import ControlClient, ControlError
from simulator.virtual.fingers import FingerState, FingerTarget


class SceneFingers:
    """Moves the gripper of a virtual FCI by its control channel.

    Args:
        control: Socket of the channel, as in `serl-virtual fci --control SOCKET`.
        stroke: Largest opening that the virtual gripper knows, m.

    Raises:
        OSError: Nobody listens there, or the arm has no gripper; one sentence with the way out.
    """

    def __init__(self, control: Path, stroke: float) -> None:
        self._control = control
        self._stroke = stroke
        self._lock = threading.Lock()
        self._client: ControlClient | None = None
        self._target: FingerTarget | None = None
        try:
            self.advance(None)
        except ControlError as error:
            self.close()
            raise OSError(str(error)) from None
        except OSError as error:
            reason = error.strerror or str(error)
            text = f"no virtual arm at {control} ({reason}); start one with: serl-virtual fci --control {control}"
            raise OSError(f"{text} --task pick-cube") from None

    def advance(self, target: FingerTarget | None) -> FingerState:
        """Goes for a target; None stays where the fingers are. Raises OSError while the virtual arm is not there."""
        with self._lock:
            try:
                return self._advance(target)
            except OSError:
                self._disconnect()
                raise

    def close(self) -> None:
        """Lets go of the channel."""
        with self._lock:
            self._disconnect()

    def _advance(self, target: FingerTarget | None) -> FingerState:
        if self._client is None:
            self._client = ControlClient(self._control, timeout_s=1.0)
            self._target = None
        before = self._client.ask("gripper")
        if target != self._target:
            if target is None:
                self._client.ask("set_gripper", width=before["width"])
            else:
                self._client.ask("set_gripper", width=target.width, speed=target.speed, force=target.force)
            self._target = target
            before = self._client.ask("gripper")
        return FingerState(
            width=min(before["width"], self._stroke), force=before["force"] or 0.0, object_held=before["object_held"]
        )

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
