import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from serl_rl.replay.errors import InvalidRowsError
from serl_rl.replay.rows import RowKind, rows_from_episode, rows_from_proto, rows_to_proto

STEP, TERMINATED, TRUNCATED, FINAL = RowKind


@pytest.fixture
def rows(make_episode):
    return make_episode(3)


def with_value(rows, field, index, value):
    array = getattr(rows, field).copy()
    array[index] = value
    return dataclasses.replace(rows, **{field: array})


@pytest.mark.parametrize("penalties", [None, np.arange(4, dtype=np.float32)])
def test_rows_survive_the_wire(rows, spec, penalties):
    rows = dataclasses.replace(rows, grasp_penalties=penalties)
    found = rows_from_proto(rows_to_proto(rows, spec), spec, actor_id="a", first_sequence_number=5)
    assert (found.actor_id, found.first_sequence_number, len(found)) == ("a", 5, 4)
    for field in ("actions", "rewards", "episode_ids", "step_indices", "row_kinds", "interventions", "grasp_penalties"):
        np.testing.assert_array_equal(getattr(found, field), getattr(rows, field))
    np.testing.assert_array_equal(found.observations["state"], rows.observations["state"])


@pytest.mark.trap
@pytest.mark.parametrize("value", [1.0001, -1.5, np.inf, np.nan])
def test_action_outside_its_range_is_refused_with_its_value(rows, spec, value):
    with pytest.raises(InvalidRowsError, match=r"actions: .*row 1") as error:
        with_value(rows, "actions", (1, 0), value).check(spec)
    assert error.value.field == "actions"
    assert not np.isfinite(value) or f"{value:.6g}" in str(error.value)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_action_at_its_bound_is_accepted(rows, spec, value):
    with_value(rows, "actions", (1, 0), value).check(spec)


def test_nan_in_an_observation_is_refused(rows, spec):
    rows.observations["state"][2, 1] = np.nan
    with pytest.raises(InvalidRowsError, match=r"observations.state: row 2 holds a value that is NaN"):
        rows.check(spec)


def test_wrong_shape_or_type_is_refused(rows, spec, make_spec):
    with pytest.raises(InvalidRowsError, match=r"observations.state: .* must be float32 of shape \(4, 4\)"):
        rows.check(make_spec(observation_size=4))
    with pytest.raises(InvalidRowsError, match="rewards: is float64"):
        dataclasses.replace(rows, rewards=rows.rewards.astype(np.float64)).check(spec)
    with pytest.raises(InvalidRowsError, match=r"named \['depth'\]"):
        dataclasses.replace(rows, observations={"depth": rows.rewards}).check(spec)


@pytest.mark.parametrize("kinds", [[TERMINATED, STEP], [TRUNCATED, STEP], [FINAL, STEP], [FINAL, FINAL]])
def test_episode_cannot_go_on_after_its_end(make_rows, spec, kinds):
    with pytest.raises(InvalidRowsError, match=f"goes on after its row 0 of kind {kinds[0].name}"):
        make_rows(kinds).check(spec)


def test_unknown_kind_is_refused(rows, spec):
    with pytest.raises(InvalidRowsError, match="row 1 is of kind 9"):
        with_value(rows, "row_kinds", 1, 9).check(spec)


def test_missing_array_on_the_wire_is_refused(rows, spec):
    message = rows_to_proto(rows, spec)
    del message.observations[:]
    with pytest.raises(InvalidRowsError, match="0 arrays, but the spec has 1"):
        rows_from_proto(message, spec)


def test_broken_tensor_on_the_wire_is_refused(rows, spec):
    message = rows_to_proto(rows, spec)
    message.rewards.data = b"\0"
    with pytest.raises(InvalidRowsError, match="needs 16 bytes but has 1"):
        rows_from_proto(message, spec)


@pytest.mark.parametrize("shape", [(), (1, 4)])
def test_kinds_that_count_no_rows_are_refused(rows, spec, shape):
    message = rows_to_proto(rows, spec)
    message.row_kinds.shape[:] = shape
    with pytest.raises(InvalidRowsError, match=r"row_kinds: .*counts no rows"):
        rows_from_proto(message, spec)


def test_slice_keeps_sequence_numbers(make_episode):
    part = make_episode(5, number=10)[2:4]
    assert (len(part), part.first_sequence_number, part.step_indices.tolist()) == (2, 12, [2, 3])


@pytest.mark.trap
@pytest.mark.parametrize(
    ("terminated", "truncated", "last"), [(True, False, TERMINATED), (False, True, TRUNCATED), (False, False, STEP)]
)
def test_episode_becomes_rows_with_its_own_last_observation(spec, terminated, truncated, last):
    episode = SimpleNamespace(
        observations={"state": np.arange(9, dtype=np.float32).reshape(3, 3)},
        actions=np.full((2, 2), 0.5),
        rewards=np.array([0.0, 1.0]),
        terminated=terminated,
        truncated=truncated,
        interventions=np.array([True, False]),
        grasp_penalties=np.array([-0.02, 0.0]),
    )
    rows = rows_from_episode(episode, 7)
    rows.check(spec)
    assert rows.row_kinds.tolist() == [STEP, last, FINAL]
    assert rows.step_indices.tolist() == [0, 1, 2]
    assert set(rows.episode_ids.tolist()) == {7}
    assert rows.rewards.tolist() == [0, 1, 0]
    assert rows.interventions.tolist() == [True, False, False]
    assert rows.grasp_penalties.tolist() == pytest.approx([-0.02, 0, 0])
    assert rows.actions[-1].tolist() == [0, 0]
    assert rows.observations["state"][-1].tolist() == [6, 7, 8]
