"""Shows a simulated cell as it was, for observations that are delayed."""

from collections.abc import Mapping

from robot_daemon.hardware.devices import FrameSample, PastInstant
from simulator.devices.camera import MujocoCamera
from simulator.devices.delays import Instant
from simulator.devices.world import World


class WorldPast:
    """Answers with earlier instants of a world. Implements `robot_daemon.hardware.devices.Past`."""

    def __init__(self, world: World, cameras: Mapping[str, MujocoCamera]) -> None:
        self._world = world
        self._cameras = cameras

    def observed(self) -> PastInstant | None:
        """Returns the instant that an observation shows now; None where it is the present."""
        with self._world.physics.lock:
            instant = self._world.delays.observed()
        return None if instant is None else self._shown(instant)

    def _shown(self, instant: Instant) -> PastInstant:
        def frame(camera: str) -> FrameSample:
            return self._cameras[camera].read_past(instant.positions, instant.time_ns)

        return PastInstant(
            time_ns=instant.time_ns, arm=instant.arm, gripper=instant.gripper, objects=instant.objects, frame=frame
        )
