"""The safeguards of docs/reliability.md, each switched off: orders, bounds, locks, watchdogs, pools."""

from tests.mutations.mutation import mutations

_BEFORE_RESERVE = "        self._storage.reserve(new_end)\n        self._release(begin,"

SAFEGUARDS = mutations(
    "Safeguards",
    (
        "rows are acknowledged before they are stored",
        "serl_rl",
        _BEFORE_RESERVE,
        "        self._storage.acknowledged[actor] = sequence_number + len(rows) - 1\n" + _BEFORE_RESERVE,
        "test_full_disk_is_an_error_and_loses_nothing",
    ),
    (
        "rows are part of the replay before they are written",
        "serl_rl",
        "        self._storage.write(numbers, columns)\n        self._storage.commit(new_end)\n",
        "        self._storage.commit(new_end)\n        self._storage.write(numbers, columns)\n",
        "test_append_cut_short_at_any_store_is_whole_or_absent",
    ),
    (
        "rows that come twice are stored twice",
        "serl_rl",
        "return rows[known + 1 - rows.first_sequence_number :]",
        "return rows",
        "test_rows_that_come_twice_are_stored_once",
    ),
    (
        "rows that are missing before a batch are not asked for",
        "serl_rl",
        "if rows.first_sequence_number > known + 1:",
        "if False:",
        "test_a_gap_is_refused_with_the_expected_number",
    ),
    (
        "the space of rows is not claimed before they are written",
        "serl_rl",
        _BEFORE_RESERVE,
        "        self._release(begin,",
        "test_full_disk_is_an_error_and_loses_nothing",
    ),
    (
        "the spool has no bound",
        "serl_rl",
        "return self.waiting_count >= self._limit_rows",
        "return False",
        "test_the_bound_is_seen_and_lifted_by_acknowledgement",
    ),
    (
        "two actors share a spool",
        "serl_rl",
        "self._lock_file: int | None = _lock(directory)",
        "self._lock_file: int | None = None",
        "test_a_spool_in_use_is_refused_by_name_until_it_is_closed",
    ),
    (
        "two learners share a replay",
        "serl_rl",
        "self._lock_file = None if directory is None else _lock(directory)",
        "self._lock_file = None",
        "test_directory_in_use_is_refused",
    ),
    (
        "two actors send under one name",
        "serl_rl",
        "if actor_id in self._streaming:",
        "if False:",
        "test_a_second_stream_of_one_actor_is_refused",
    ),
    (
        "nobody pings a silent peer",
        "serl_api",
        '("grpc.http2.ping_timeout_ms", 1000),',
        '("grpc.http2.ping_timeout_ms", 60_000),',
        "test_an_actor_notices_a_silent_network",
    ),
    (
        "Stop has no workers of its own",
        "robot_daemon",
        '    "/serl.robot.v1.RobotService/Stop": RESERVED_WORKERS,\n',
        "",
        "test_stop_and_health_are_answered_while_every_other_worker_is_busy",
    ),
    (
        "a call that never brings its request is waited for",
        "serl_api",
        "FIRST_REQUEST_S = 3.0",
        "FIRST_REQUEST_S = 3000.0",
        "test_a_call_without_a_request_is_ended",
    ),
    (
        "streams of health take every worker",
        "serl_api",
        "if not self._places.acquire(blocking=False):",
        "if False:",
        "test_streams_of_health_are_bounded_and_leave_checks_their_workers",
    ),
    (
        "strangers may report",
        "serl_rl",
        "if actor_id not in self._joined:",
        "if False:",
        "test_whoever_has_not_joined_is_refused_and_changes_nothing",
    ),
    (
        "what has diverged is published and saved",
        "serl_rl",
        "if not math.isfinite(value):",
        "if False:",
        "test_a_loss_that_is_no_number_ends_training_by_its_name",
    ),
    (
        "a lost header is taken for a new replay",
        "serl_rl",
        "if others and not is_there:",
        "if False:",
        "test_a_lost_header_is_no_new_replay",
    ),
)
