"""Checks each device of a cell: connects, listens for a second, says what it found. Nothing moves."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from robot_daemon.config.cell_builder import build_device, claim_device, find_driver
from robot_daemon.config.cell_config import DaemonConfig, DriverConfig
from robot_daemon.hardware.devices import (
    Arm,
    ArmSample,
    Camera,
    DeviceConnectError,
    DeviceFault,
    FrameSample,
    Gripper,
    GripperSample,
    Timebase,
)
from robot_daemon.hardware.timebase import RealTimebase
from robot_daemon.operations.checks.finding import Finding, Verdict
from robot_daemon.operations.checks.measuring import Heard, listen_to_frames, listen_to_states, skews_s
from robot_daemon.operations.checks.workspace import outside_workspace
from serl_api.enums import FaultSeverity, GripperMotion, StampSource

REST_FORCE_N = 5.0
"""External force of an arm at rest above which its payload is probably set wrong, N."""

REST_RAD_PER_S = 0.02
"""Joint speed above which an arm is not at rest, rad/s."""

JOINT_MARGIN_RAD = 0.05
"""Distance to a joint limit below which the check warns, rad."""

DARK = 8.0
"""Mean of a picture, of 255, below which the lens is probably covered."""


def check_devices(config: DaemonConfig) -> list[Finding]:
    """Connects to each device in turn, listens to all at once, lets go of them.

    Raises:
        ConfigError: The file is wrong.
    """
    timebase = RealTimebase()
    findings: list[Finding] = []
    with ExitStack() as opened:
        owner = f"robot-daemon check of {config.owner}"
        arm = _open(findings, opened, config.arm, "arm", timebase, owner)
        gripper = None
        if config.gripper is not None:
            gripper = _open(findings, opened, _without_motion(config.gripper), "gripper", timebase, owner)
        found = {
            name: _open(findings, opened, driver, f"cameras.{name}", timebase, owner)
            for name, driver in config.cameras.items()
        }
        cameras: dict[str, Camera] = {name: camera for name, camera in found.items() if camera is not None}
        heard_arm, heard_gripper, heard_cameras = _listen(arm, gripper, cameras, timebase)
        if arm is not None and heard_arm is not None:
            findings.extend(_arm_findings(config, arm, heard_arm))
        if gripper is not None and heard_gripper is not None:
            findings.extend(_gripper_findings(gripper, heard_gripper))
        for name, heard in heard_cameras.items():
            findings.extend(_camera_findings(name, cameras[name], heard))
        findings.extend(_skew_findings(config, heard_cameras))
    order = ["arm", "gripper", *(f"camera {name}" for name in config.cameras), "skew"]
    return sorted(findings, key=lambda finding: order.index(finding.what))


def _open(
    findings: list[Finding], opened: ExitStack, config: DriverConfig, where: str, timebase: Timebase, owner: str
) -> Any:  # noqa: ANN401 - an Arm, a Gripper or a Camera; None when it cannot be reached.
    name = where.replace("cameras.", "camera ")
    try:
        with ExitStack() as claimed:
            claimed.enter_context(claim_device(config, where, owner))
            device = build_device(config, where, timebase)
            opened.push(claimed.pop_all())
    except DeviceConnectError as error:
        findings.append(Finding(name, Verdict.PROBLEM, str(error).removeprefix(f"{name}: ")))
        return None
    opened.callback(device.close)
    return device


def _without_motion(config: DriverConfig) -> DriverConfig:
    """Removes the option by which a gripper would activate itself and move its fingers."""
    return replace(config, options={key: value for key, value in config.options.items() if key != "activate"})


def _listen(
    arm: Arm | None, gripper: Gripper | None, cameras: Mapping[str, Camera], timebase: Timebase
) -> tuple[Heard[ArmSample] | None, Heard[GripperSample] | None, dict[str, Heard[FrameSample]]]:
    """Listens to all devices at the same time, as the daemon does."""
    with ThreadPoolExecutor(max_workers=2 + len(cameras), thread_name_prefix="listen") as pool:
        arm_states = None if arm is None else pool.submit(listen_to_states, arm.read_state, timebase.now_ns)
        fingers = None if gripper is None else pool.submit(listen_to_states, gripper.read_state, timebase.now_ns)
        frames = {name: pool.submit(listen_to_frames, camera, timebase.now_ns) for name, camera in cameras.items()}
        return (
            None if arm_states is None else arm_states.result(),
            None if fingers is None else fingers.result(),
            {name: future.result() for name, future in frames.items()},
        )


def _arm_findings(config: DaemonConfig, arm: Arm, heard: Heard[ArmSample]) -> Iterator[Finding]:
    info = arm.info
    if not heard.samples:
        yield Finding("arm", Verdict.PROBLEM, f"{info.model} does not answer: {heard.error}")
        return
    text = (
        f"{info.model}{_library(config.arm)}, {info.joint_count} joints; {heard.rate_hz:.0f} states/s, "
        f"{heard.median_age_s * 1e3:.1f} ms old, longest gap {heard.longest_gap_s * 1e3:.1f} ms"
    )
    wanted = config.synchronization.sample_rate_hz
    fix = f"look at the network and the load of this machine, or lower synchronization.sample_rate_hz ({wanted:g})"
    yield Finding.judged("arm", text, fix, is_fine=heard.rate_hz >= 0.9 * wanted)
    yield from _fault_findings("arm", arm.faults())
    state = heard.samples[-1]
    outside = outside_workspace(config.limits, state)
    if outside:
        yield Finding("arm", Verdict.PROBLEM, outside)
    yield from _posture_findings(arm, state)


def _posture_findings(arm: Arm, state: ArmSample) -> Iterator[Finding]:
    info = arm.info
    force = float(np.linalg.norm(state.external_wrench[:3]))
    if force > REST_FORCE_N:
        fix = "free the arm, and set mass and centre of mass of what it carries"
        yield Finding("arm", Verdict.WARNING, f"reports an external force of {force:.1f} N at rest", fix)
    fastest = float(np.abs(state.joint_velocities).max())
    if fastest > REST_RAD_PER_S:
        text = f"is moving, {fastest:.2f} rad/s; somebody guides it, or another program controls it"
        yield Finding("arm", Verdict.WARNING, text)
    margins = np.minimum(state.joint_positions - info.joint_lower, info.joint_upper - state.joint_positions)
    tightest = int(margins.argmin())
    if margins[tightest] < JOINT_MARGIN_RAD:
        text = f"joint {tightest + 1} is {margins[tightest]:.3f} rad from its limit"
        yield Finding("arm", Verdict.WARNING, text, "guide the arm away from it by hand")


def _gripper_findings(gripper: Gripper, heard: Heard[GripperSample]) -> Iterator[Finding]:
    info = gripper.info
    if not heard.samples:
        yield Finding("gripper", Verdict.PROBLEM, f"{info.model} does not answer: {heard.error}")
        return
    state = heard.samples[-1]
    yield Finding(
        "gripper",
        Verdict.OK,
        f"{info.model}, stroke {info.max_width * 1e3:.0f} mm, now {state.width * 1e3:.1f} mm, "
        f"{state.motion.name.lower().replace('_', ' ')}; {heard.rate_hz:.0f} states/s, "
        f"longest gap {heard.longest_gap_s * 1e3:.1f} ms",
    )
    if state.motion is GripperMotion.INACTIVE:
        fix = "once the daemon runs: serl-robot gripper --activate; the fingers close and open fully"
        yield Finding("gripper", Verdict.WARNING, "is not activated", fix)
        return
    yield from _fault_findings("gripper", gripper.faults())


def _camera_findings(name: str, camera: Camera, heard: Heard[FrameSample]) -> Iterator[Finding]:
    what, info = f"camera {name}", camera.info
    if not heard.samples:
        yield Finding(what, Verdict.PROBLEM, f"{info.model} delivers no frames: {heard.error}")
        return
    source = heard.samples[-1].stamp_source
    lost = _lost(heard.samples)
    text = (
        f"{info.model} {info.serial_number}, {info.width} x {info.height}{' with depth' if info.has_depth else ''}; "
        f"{heard.rate_hz:.1f} of {info.rate_hz:g} frames/s, {lost} lost, {heard.median_age_s * 1e3:.0f} ms old, "
        f"stamped by {'the ' if source is not StampSource.ARRIVAL else ''}{source.name.lower()}"
    )
    fix = "shorten the exposure, lower rate or size, or give the camera a USB 3 controller of its own"
    yield Finding.judged(what, text, fix, is_fine=heard.rate_hz >= 0.9 * info.rate_hz and lost == 0)
    if source is StampSource.ARRIVAL:
        yield Finding(
            what,
            Verdict.WARNING,
            "gives no time of exposure, so frames are stamped when they arrive: later than true, by an unknown and "
            "changing time",
            "for a RealSense, use a build with metadata support; a webcam cannot do better",
        )
    if float(heard.samples[-1].rgb.mean()) < DARK:
        yield Finding(what, Verdict.WARNING, "sees almost nothing", "uncover the lens, or lengthen the exposure")


def _skew_findings(config: DaemonConfig, heard: Mapping[str, Heard[FrameSample]]) -> Iterator[Finding]:
    """Measures how far the cameras' exposures lie apart; the daemon reports the same as offsets of each observation."""
    delivering = {name: frames for name, frames in heard.items() if len(frames.samples) > 1}
    if len(delivering) < 2:
        return
    first, *others = delivering
    parts, worst = [], 0.0
    for name in others:
        skews = skews_s(delivering[first].samples, delivering[name].samples)
        if skews:
            parts.append(f"{name} {np.median(skews) * 1e3:.1f} ms (at most {max(skews) * 1e3:.1f})")
            worst = max(worst, max(skews) * delivering[name].rate_hz)
    if not parts:
        return
    text = f"exposures against {first}: {', '.join(parts)}"
    fix = "look for lost frames, or synchronise the cameras by cable"
    # In periods of the other camera; half a period is what free-running cameras reach.
    yield Finding.judged("skew", text, fix, is_fine=worst <= 1.0)


def _fault_findings(what: str, faults: tuple[DeviceFault, ...]) -> Iterator[Finding]:
    for fault in faults:
        verdict = Verdict.PROBLEM if fault.severity is FaultSeverity.CRITICAL else Verdict.WARNING
        fix = "once the daemon runs: serl-robot recover" if fault.clearable else ""
        yield Finding(what, verdict, f"{fault.id}: {fault.text}", fix)


def _lost(frames: list[FrameSample]) -> int:
    return frames[-1].number - frames[0].number - (len(frames) - 1)


def _library(config: DriverConfig) -> str:
    """Says what speaks to the arm, with its version; nothing for a driver of the product without a library."""
    driver, plugin = find_driver(config, "arm")
    if not driver.library:
        return "" if plugin.package == "serl-robot" else f" by {plugin.origin}"
    try:
        return f" by {driver.library} {version(driver.library)}"
    except PackageNotFoundError:
        return f" by {driver.library}"
