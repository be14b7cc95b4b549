"""The mutations: a byte order, a clip, a watchdog, whatever must not be removable in silence."""

from tests.mutations.mutation import mutations
from tests.mutations.safeguards import SAFEGUARDS
from tests.mutations.traps import TRAPS

FRANKA = mutations(
    "Franka arm",
    (
        "errors of the Cartesian spring are no longer clipped per direction",
        "robot_daemon",
        "clipped = np.minimum(np.maximum(error, limits.lower), limits.upper)",
        "clipped = error",
        "test_a_target_beyond_a_symmetric_clip_is_left_to_franky",
    ),
    (
        "the spring folds a joint to the limit of its position",
        "robot_daemon",
        "        error -= turned * (excess[worst] / leverage)",
        "        pass",
        "test_a_pose_takes_a_joint_no_further_than_its_wall",
    ),
    (
        "a wrench folds a joint to the limit of its position",
        "robot_daemon",
        "return np.minimum(np.maximum(torque, np.maximum(least, -bound)), np.minimum(most, bound))",
        "return torque",
        "test_a_wrench_takes_a_joint_no_further_either",
    ),
    (
        "damping is left to franky",
        "robot_daemon",
        "CartesianImpedanceGains.diagonal(stiffness, damping)",
        "CartesianImpedanceGains.diagonal(stiffness)",
        "test_gains_of_the_schema_are_gains_of_franky",
    ),
    (
        "franky's motion gets no clip",
        "robot_daemon",
        "translational_error_clip=limits.symmetric[:3],",
        "",
        "test_clips_of_franky_contain_both_directions",
    ),
    (
        "a motion whose feeding loop stands still runs on",
        "robot_daemon",
        "if self._silent_looks >= STALL_LOOKS:",
        "if False:",
        "test_a_motion_that_nobody_feeds_is_brought_to_rest",
    ),
    (
        "the owner thread keeps real-time priority 99",
        "robot_daemon",
        "if os.sched_getscheduler(0) in _REAL_TIME:",
        "if False:",
        "test_threads_made_within_inherit_what_the_maker_gives_back",
    ),
    (
        "a fault ends with its cause, without recovery",
        "robot_daemon",
        "        if condition.by_hand != GUIDING:\n            self.drop((GUIDING,))",
        "        self.drop([name for name in self._active if name not in condition.faults])",
        "test_a_fault_stays_when_its_cause_has_gone",
    ),
    (
        "wrench torques are not bounded by the joints",
        "robot_daemon",
        "torque = push * affordable(push, rest, bound) + rest",
        "torque = push + rest",
        "test_a_wrench_beyond_the_joints_is_shortened",
    ),
    (
        "sign of the external wrench",
        "robot_daemon",
        "external_wrench=0.0 - state.O_F_ext_hat_K,",
        "external_wrench=0.0 + state.O_F_ext_hat_K,",
        "test_what_pushes_the_tool_is_what_the_state_says",
    ),
    (
        "hold does nothing",
        "robot_daemon",
        "steering.hold(self._converted(sample))",
        "pass",
        "test_hold_brakes_and_stays",
    ),
    (
        "states are not looked at for faults",
        "robot_daemon",
        "self._faults.note(condition_of(state))",
        "pass",
        "test_nothing_is_cleared_by_a_target_or_a_hold",
    ),
    (
        "a lost connection is not built anew",
        "robot_daemon",
        "elif not link.is_over:",
        "else:",
        "test_a_broken_connection_is_a_fault_until_recovery_after_its_return",
    ),
    (
        "motions start while a fault forbids them",
        "robot_daemon",
        "if sample is None or self._faults.forbids_motion or not self._steering.is_due:",
        "if sample is None or not self._steering.is_due:",
        "test_nothing_starts_while_a_fault_is_active",
    ),
)

VIRTUAL = mutations(
    "Virtual FCI and virtual devices",
    (
        "message_id of the state, big-endian",
        "simulator",
        '("message_id", "<u8"),\n        *((name,',
        '("message_id", ">u8"),\n        *((name,',
        "test_a_state_is_little_endian_as_libfranka_reads_it",
    ),
    (
        "q and q_d change places",
        "simulator",
        '("q", 7),\n    ("q_d", 7),',
        '("q_d", 7),\n    ("q", 7),',
        "test_fields_of_the_state_lie_where_libfranka_reads_them",
    ),
    (
        "commanded torques, big-endian",
        "simulator",
        '("tau_J_d", "<f8", (7,)),',
        '("tau_J_d", ">f8", (7,)),',
        "test_fields_of_a_motion_command_lie_where_libfranka_writes_them",
    ),
    (
        "no reflex for a wrench above its threshold",
        "simulator",
        "if np.count_nonzero(np.abs(wrench) > thresholds.upper_force):",
        "if False:",
        "test_contact_beyond_the_upper_threshold_is_a_reflex_and_below_it_none",
    ),
    (
        "no reflex for lost commands",
        "simulator",
        "return Fault.COMMUNICATION_CONSTRAINTS_VIOLATION if missed_in_a_row >= limit else None",
        "return None",
        "test_twenty_lost_commands_in_a_row_stop_a_motion",
    ),
    (
        "no reflex for a torque that jumps",
        "simulator",
        "fault = check_torque(torque, self.torque, self.limits)",
        "fault = None",
        "test_a_torque_jump_is_a_reflex_that_only_recovery_ends",
    ),
    (
        "the user stop ends the motion but does not stay",
        "simulator",
        "self.mode = RobotMode.USER_STOPPED",
        "self.mode = RobotMode.IDLE",
        "test_user_stop_ends_a_motion_and_refuses_others_until_it_is_released",
    ),
    (
        "a background job reads what is typed",
        "simulator",
        "if not _is_in_foreground(self.sources[0]):",
        "if False:",
        "test_a_background_job_leaves_what_is_typed_to_the_shell",
    ),
)

GRIPPERS = mutations(
    "Grippers",
    (
        "check of a frame sent high byte first",
        "robot_daemon",
        'return data + crc16(data).to_bytes(2, "little")',
        'return data + crc16(data).to_bytes(2, "big")',
        "test_a_command_is_written_byte_for_byte_as_in_the_manual",
    ),
    (
        "address of a register, low byte first",
        "robot_daemon",
        'return bytes((function,)) + address.to_bytes(2, "big")',
        'return bytes((function,)) + address.to_bytes(2, "little")',
        "test_a_status_is_read_byte_for_byte_as_in_the_manual",
    ),
    (
        "check of an answer ignored",
        "robot_daemon",
        'if len(data) < 5 or crc16(data[:-2]) != int.from_bytes(data[-2:], "little"):',
        "if len(data) < 5:",
        "test_silence_is_told_from_noise",
    ),
    (
        "position and speed change places",
        "robot_daemon",
        "bytes((action, 0, 0, self.position, self.speed, self.force))",
        "bytes((action, 0, 0, self.speed, self.position, self.force))",
        "test_a_command_holds_its_values_in_the_order_of_the_manual",
    ),
    (
        "open and closed change places",
        "robot_daemon",
        "width = (self.closed_counts - position) * self.width_per_count",
        "width = (position - self.open_counts) * self.width_per_count",
        "test_a_width_survives_its_counts_within_half_a_count",
    ),
    (
        "rACT is set without having been cleared",
        "robot_daemon",
        "if device.read().activated:",
        "if False:",
        "test_the_activation_begins_only_after_the_gripper_has_confirmed_its_reset",
    ),
    (
        "a target activates a gripper in reset",
        "robot_daemon",
        "if sample is None or (sample.status.is_reset and self._cycle is not Cycle.ACTIVATE):",
        "if sample is None:",
        "test_a_request_to_a_gripper_in_reset_is_not_taken",
    ),
    (
        "gOBJ counts before the echo equals the request",
        "robot_daemon",
        "if not is_seen:",
        "if False:",
        "test_detection_counts_only_once_the_echo_equals_the_request",
    ),
    (
        "a command of the hand has no deadline",
        "robot_daemon",
        "if not is_wanted or time.monotonic() > deadline:",
        "if not is_wanted:",
        "test_a_failed_command_is_a_warning_until_the_next_succeeds",
    ),
)

CAMERAS = mutations(
    "Cameras",
    (
        "stamps are the readout, not the middle of the exposure",
        "robot_daemon",
        "before_ns = 0 if times.middle_us is None else counts_between(times.middle_us, readout_us) * 1000",
        "before_ns = 0",
        "test_stamps_are_the_middle_of_the_exposure",
    ),
    (
        "the first camera is taken for the one with the serial number",
        "robot_daemon",
        "        if camera.serial == serial:",
        "        if True:",
        "test_the_camera_of_that_serial_is_chosen",
    ),
    (
        "global time is ignored",
        "robot_daemon",
        "if times.domain is Domain.GLOBAL and times.wall_offset_ns is not None:",
        "if False:",
        "test_stamps_are_the_middle_of_the_exposure",
    ),
    (
        "an unplugged camera is not noticed",
        "robot_daemon",
        "if self._serial not in {camera.serial for camera in present_cameras()}:",
        "if False:",
        "test_an_unplugged_camera_returns_without_restart",
    ),
    (
        "stamps of a webcam are arrivals",
        "robot_daemon",
        "time_ns=self._arrival_ns(receive_ns) - round(self._options.latency_s * 1e9),",
        "time_ns=receive_ns,",
        "test_stamps_are_arrivals_less_the_latency",
    ),
    (
        "left and top of a crop change places",
        "robot_daemon",
        "part = image[self.top : self.top + self.height, self.left : self.left + self.width]",
        "part = image[self.left : self.left + self.height, self.top : self.top + self.width]",
        "test_a_crop_keeps_its_box",
    ),
)

SPACEMOUSE = mutations(
    "SpaceMouse",
    (
        "axes of a report, big-endian",
        "serl_client",
        'struct.unpack_from("<6h", body)',
        'struct.unpack_from(">6h", body)',
        "test_new_layout_sends_both_together",
    ),
    (
        "rotation of the old layout moves",
        "serl_client",
        'return controls.with_axes(3, struct.unpack_from("<3h", body))',
        'return controls.with_axes(0, struct.unpack_from("<3h", body))',
        "test_old_layout_sends_translation_and_rotation_apart",
    ),
    (
        "no dead zone",
        "serl_client",
        "beyond = np.maximum(np.abs(share) - self.dead_zone, 0.0) / (1.0 - self.dead_zone)",
        "beyond = np.abs(share)",
        "test_the_dead_zone_is_zero_and_what_is_beyond_begins_without_a_jump",
    ),
    (
        "an unplugged device keeps its last output",
        "serl_client",
        "self.newest = Reading(self._at_rest, self.newest.time, fault)",
        'self.newest = Reading(self.newest.controls, self.newest.time, "")',
        "test_unplugging_is_zero_and_a_fault_and_plugging_in_ends_it",
    ),
    (
        "a silent radio link keeps its last output",
        "serl_client",
        "is_silent = self._silence_s is not None and self._clock() - reading.time > self._silence_s",
        "is_silent = False",
        "test_no_report_means_unchanged_for_a_while_and_then_let_go",
    ),
)

SYNCHRONISATION = mutations(
    "Soft synchronisation",
    (
        "the state before the reference time, not interpolated",
        "robot_daemon",
        "joint_positions=_lerp(before.joint_positions, after.joint_positions, r),",
        "joint_positions=before.joint_positions,",
        "test_positions_are_interpolated_linearly",
    ),
    (
        "the newest frame, not the nearest",
        "robot_daemon",
        "else track.ring.nearest(reference)",
        "else track.ring.newest",
        "test_observations_agree_with_the_truth",
    ),
    (
        "orientation not interpolated",
        "robot_daemon",
        "np.array(turn))",
        "before.quaternion_xyzw)",
        "test_orientations_take_the_shorter_way",
    ),
)

SESSIONS = mutations(
    "Sessions, faults, limits",
    (
        "an expired target does not make the arm hold",
        "robot_daemon",
        '                self.hold()\n                self._emit("target_expired"',
        '                self._emit("target_expired"',
        "test_an_expired_target_makes_the_arm_hold",
    ),
    (
        "the end of a session does not make the arm hold",
        "robot_daemon",
        "            self._arm.hold()\n            self.is_tracking = False\n            self.is_moving = False",
        "            self.is_tracking = False\n            self.is_moving = False",
        "test_a_release_frees_the_claim_and_holds",
    ),
    (
        "Stop does not make the arm hold",
        "robot_daemon",
        "            self.cell.arm.hold()\n            if self._stopped is None:",
        "            if self._stopped is None:",
        "test_stop_holds_an_arm_that_nobody_controls",
    ),
    (
        "a hand on a controlled arm leaves the session open",
        "robot_daemon",
        "elif session is not None and self._active_cell.faults.is_by_hand:",
        "elif False:",
        "test_a_hand_on_a_controlled_arm_ends_the_session_until_somebody_recovers",
    ),
    (
        "no bound of the contact force",
        "robot_daemon",
        "return fx * fx + fy * fy + fz * fz > bound_n * bound_n",
        "return False",
        "test_contact_above_the_bound_is_a_fault_until_the_contact_ends",
    ),
    (
        "NaN in a target is accepted",
        "serl_api",
        "if not math.isfinite(x + y + z):",
        "if False:",
        "test_a_target_that_no_limit_can_repair_is_refused",
    ),
    (
        "a guided arm does not say so",
        "robot_daemon",
        "    if faults.is_by_hand:",
        "    if False:",
        "test_guiding_while_nobody_controls_ends_by_letting_go",
    ),
)

SERVICE = mutations(
    "Service",
    (
        "systemd is not fed",
        "robot_daemon",
        "self._notifier.alive()",
        "pass",
        "test_the_watchdog_is_fed_while_the_sampling_loop_lives",
    ),
    (
        "systemd is fed while commands are blocked",
        "robot_daemon",
        "if self.lock.acquire(blocking=False):\n            self.lock.release()",
        "if True:",
        "test_a_command_that_never_returns_starves_the_watchdog",
    ),
    (
        "the unit has no WatchdogSec",
        "robot_daemon",
        "WatchdogSec=5\n",
        "",
        "test_systemd_would_find_a_misspelt_line",
    ),
)

RESETS = mutations(
    "Resets",
    (
        "an episode begins with the compliance of the reset",
        "serl_client",
        "            raise\n        session.set_compliance(before)",
        "            raise",
        "test_the_arm_is_stiffer_until_the_episode_begins",
    ),
    (
        "the spring is made stiffer while it pulls at what the last step asked for",
        "serl_client",
        "session.step(self._link.client.get_state().tcp_pose, period_s=self._period_s)",
        "pass",
        "test_the_arm_is_stiffer_until_the_episode_begins",
    ),
    (
        "the arm goes to its start without a retreat",
        "serl_client",
        "self._retreat(session, attempt)",
        "pass",
        "test_resets_out_of_the_socket_jam_never_and_press_softly",
    ),
)

OWNERSHIP = mutations(
    "Ownership",
    (
        "two processes own one device",
        "robot_daemon",
        "fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        "test_a_second_owner_is_told_the_device_the_process_and_its_cell",
    ),
    (
        "anybody takes the arm from anybody",
        "robot_daemon",
        "may_take_over = session_class > session.session_class",
        "may_take_over = True",
        "test_nobody_else_takes_it_and_the_holder_is_not_disturbed",
    ),
    (
        "an operator takes the arm without asking for it",
        "robot_daemon",
        "if not (take_over and may_take_over):",
        "if not may_take_over:",
        "test_nobody_else_takes_it_and_the_holder_is_not_disturbed",
    ),
    (
        "the first hour moves an arm that stands outside its workspace",
        "robot_daemon",
        "        if outside:\n            raise StepError(outside)\n        session =",
        "        session =",
        "test_an_arm_outside_its_workspace_is_not_moved",
    ),
)

MUTATIONS = (
    *FRANKA,
    *VIRTUAL,
    *GRIPPERS,
    *CAMERAS,
    *SPACEMOUSE,
    *SYNCHRONISATION,
    *SESSIONS,
    *SERVICE,
    *RESETS,
    *OWNERSHIP,
    *SAFEGUARDS,
    *TRAPS,
)
