"""Mutations of what `docs/traps.md` lists: each puts one of those mistakes back."""

from tests.mutations.mutation import Mutation, mutations

TRAPS: tuple[Mutation, ...] = (
    mutations(
        "Traps: ends of episodes",
        (
            "time that ran out counts as the end of the task",
            "serl_rl",
            'columns["row_kinds"].take(slots) == RowKind.TERMINATED',
            'columns["row_kinds"].take(slots) >= RowKind.TERMINATED',
            "test_terminated_step_has_no_value_after_it_but_a_truncated_step_has",
        ),
        (
            "the value after the end of a task is not zero",
            "serl_rl",
            "target = rewards + discount * (1 - terminated) * value",
            "target = rewards + discount * value",
            "test_target_takes_the_minimum_and_stops_at_the_end_of_a_task",
        ),
        (
            "the environment says truncated where the task ends",
            "serl_client",
            "outcome.reward, outcome.terminated, False, info",
            "outcome.reward, outcome.terminated, True, info",
            "test_a_timeout_truncates_and_never_terminates",
        ),
        (
            "stacks hold frames that were overwritten",
            "serl_rl",
            "for missing in range(self._frame_stack - 1, 0, -1):",
            "for missing in range(0):",
            "test_stack_whose_frames_were_overwritten_is_not_drawn",
        ),
    )
    + mutations(
        "Traps: pictures",
        (
            "pictures reach the environment as BGR",
            "serl_client",
            'self._known(f"camera/{camera}", frame.rgb)',
            'self._known(f"camera/{camera}", frame.rgb[..., ::-1])',
            "test_the_red_cube_is_red_in_the_environment",
        ),
        (
            "a webcam's pictures stay BGR",
            "robot_daemon",
            "np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)",
            "np.asarray(image, np.uint8)",
            "test_frames_come_in_order_in_rgb_until_the_end",
        ),
        (
            "shifted pictures have black rims",
            "serl_rl",
            '(edge, edge), (0, 0)), mode="edge")',
            '(edge, edge), (0, 0)), mode="constant")',
            "test_a_shift_is_a_crop_of_the_image_with_its_edges_repeated",
        ),
        (
            "windows of a strided convolution lie one pixel off",
            "serl_rl",
            "return total // 2, total - total // 2",
            "return total - total // 2, total // 2",
            "test_an_even_size_is_padded_after_only",
        ),
        (
            "padding with zeros wins over negative features",
            "serl_rl",
            "(left, right, top, bottom), value=lowest)",
            "(left, right, top, bottom), value=0.0)",
            "test_max_pooling_agrees_with_numpy_even_below_zero",
        ),
        (
            "kernels are taken over in flax's order of axes",
            "serl_rl",
            "array.transpose(3, 2, 0, 1)",
            "array.transpose(3, 2, 1, 0)",
            "test_upstream_pickle_is_loaded",
        ),
        (
            "groups of the group normalisation are others",
            "serl_rl",
            "_GROUPS = 4",
            "_GROUPS = 8",
            "test_group_norm_agrees_with_numpy",
        ),
        (
            "the policy's loss does not train the part for the flat vectors",
            "serl_rl",
            'return not name.startswith("perception.images.")',
            'return not name.startswith("perception.")',
            "test_policy_loss_trains_the_proprioception_but_never_the_image_heads",
        ),
    )
    + mutations(
        "Traps: the update",
        (
            "the standard deviation is taken for a variance",
            "serl_rl",
            "raw = mean + log_std.exp() * noise",
            "raw = mean + (0.5 * log_std).exp() * noise",
            "test_samples_spread_by_the_standard_deviation",
        ),
        (
            "the policy is updated with the critics' minimum",
            "serl_rl",
            "temperature * log_probabilities - values.mean(0)",
            "temperature * log_probabilities - values.amin(0)",
            "test_actor_loss_takes_the_mean_over_members",
        ),
        (
            "the target is the critics' mean",
            "serl_rl",
            "value = next_values.amin(0)",
            "value = next_values.mean(0)",
            "test_target_takes_the_minimum_and_stops_at_the_end_of_a_task",
        ),
        (
            "the target network of the gripper chooses as well as evaluates",
            "serl_rl",
            "best = next_values.argmax(-1, keepdim=True)",
            "best = next_target_values.argmax(-1, keepdim=True)",
            "test_double_q_learning_chooses_online_and_evaluates_with_the_target",
        ),
        (
            "cloning takes artanh of an action at its bound",
            "serl_rl",
            "reachable = actions.clamp(-largest_action, largest_action)",
            "reachable = actions",
            "test_full_speed_has_a_finite_loss_whose_best_mean_is_the_bound",
        ),
    )
    + mutations(
        "Traps: actions, people, grippers",
        (
            "actions of another range enter a buffer",
            "serl_rl",
            "        _check_actions(self.actions)",
            "        pass",
            "test_action_outside_its_range_is_refused_with_its_value",
        ),
        (
            "zeros are stored as a person's actions for half a second",
            "serl_client",
            "self._until = now + self._hold_s",
            "self._until = now + 0.5",
            "test_a_hand_at_rest_is_no_human_action_for_longer_than_was_asked_for",
        ),
        (
            "evaluations draw from the policy",
            "serl_rl",
            "env.step(policy.act(observation, rng, deterministic=True))",
            "env.step(policy.act(observation, rng))",
            "test_an_evaluation_executes_the_mode_of_the_policy",
        ),
        (
            "MuJoCo's order of a quaternion leaves the simulator",
            "simulator",
            "def to_xyzw(quat_wxyz: FloatArray) -> FloatArray:\n",
            "def to_xyzw(quat_wxyz: FloatArray) -> FloatArray:\n    return quat_wxyz\n",
            "test_quaternion_orders_are_inverses",
        ),
        (
            "a pressed button that was recorded as a fraction is cut off",
            "serl_rl",
            ".round().clamp(-1, 1).long() + 1",
            ".clamp(-1, 1).long() + 1",
            "test_pressed_button_that_was_recorded_as_a_fraction_is_rounded_not_cut_off",
        ),
        (
            "the threshold of open does not fit the gripper",
            "serl_client",
            "self._open_width = _OPEN_SHARE * self._max_width",
            "self._open_width = 0.95",
            "test_the_widest_opening_comes_from_the_environment",
        ),
        (
            "a timeout while a classifier watches ends the task",
            "serl_rl",
            'return observation, reward, bool(terminated) or info["success"], bool(truncated), info',
            'return observation, reward, bool(terminated) or info["success"] or bool(truncated), bool(truncated), info',
            "test_a_timeout_without_success_is_no_terminal_state",
        ),
        (
            "stages of a task are reached out of their turn",
            "serl_rl",
            "return missing[:1] if self._in_order else missing",
            "return missing",
            "test_stages_wait_for_those_before_and_the_last_one_pays",
        ),
    )
)
