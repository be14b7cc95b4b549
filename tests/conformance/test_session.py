"""The contract of control sessions: who controls the arm, and what ends that. What is not stated is not promised."""

import signal
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest

import serl_client
from serl_api.values import ArmMode, SessionClass
from tests.conformance.asking import PERIOD_S, home, open_request, raw_step, refusal, request, shifted


class TestClaim:
    def test_an_idle_daemon_is_held_by_nobody(self, client):
        state = client.get_state()
        assert (state.mode, state.control_holder) == (ArmMode.IDLE, "")

    def test_opening_claims_the_arm_under_the_clients_name(self, client):
        with client.control("ada"):
            state = client.get_state()
        assert (state.mode, state.control_holder) == (ArmMode.HOLDING, "ada")

    def test_second_control_stream_is_refused_with_the_holders_name(self, client):
        with client.control("ada"), pytest.raises(serl_client.ControlHeldError, match="ada") as caught:
            client.control("bob")
        assert caught.value.holder == "ada"

    def test_the_holder_is_not_disturbed_by_a_refused_claim(self, client):
        with client.control("ada") as session:
            with pytest.raises(serl_client.ControlHeldError):
                client.control("bob")
            session.step(home(client), period_s=PERIOD_S)

    def test_closing_frees_the_claim(self, client):
        with client.control("ada"):
            pass
        with client.control("bob") as session:
            assert session.session_number > 0

    def test_session_numbers_rise(self, client):
        numbers = []
        for _ in range(2):
            with client.control("ada") as session:
                numbers.append(session.session_number)
        assert numbers[1] > numbers[0]

    @pytest.mark.parametrize("name", ["", "x" * 129])
    def test_a_client_without_a_proper_name_is_refused(self, target, client, name):
        code, error = refusal(target, open_request(name))
        assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, serl_client.InvalidRequestError)

    def test_first_request_must_be_open(self, target, client):
        code, error = refusal(target, raw_step(1))
        assert (code, type(error)) == (grpc.StatusCode.FAILED_PRECONDITION, serl_client.ModeError)

    def test_open_comes_once(self, target, client):
        _, error = refusal(target, open_request(), open_request(number=2))
        assert type(error) is serl_client.ModeError

    @pytest.mark.parametrize("number", [1, 0, -3])
    def test_sequence_numbers_must_rise(self, target, client, number):
        code, error = refusal(target, open_request(), raw_step(number))
        assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, serl_client.InvalidRequestError)
        assert str(number) in str(error)

    def test_an_empty_request_is_refused(self, target, client):
        _, error = refusal(target, open_request(), request(2))
        assert type(error) is serl_client.InvalidRequestError


class TestTakeOver:
    def test_an_operator_takes_the_arm_from_a_learner_who_is_told_by_whom(self, client):
        with client.control("actor") as learner:
            learner.step(shifted(home(client), 0.01), period_s=PERIOD_S)
            with client.control("ada", session_class=SessionClass.OPERATOR, take_over=True) as operator:
                state = client.get_state()
                with pytest.raises(serl_client.ControlTakenError, match=r'"ada" at .* took the arm over') as caught:
                    learner.step(home(client), period_s=PERIOD_S)
                operator.step(home(client), period_s=PERIOD_S)
        assert caught.value.holder == "ada"
        assert caught.value.session_number == operator.session_number > learner.session_number
        assert (state.mode, state.control_holder) == (ArmMode.HOLDING, "ada")
        assert (state.control_session_number, state.control_class) == (operator.session_number, SessionClass.OPERATOR)

    def test_the_learner_goes_on_when_the_operator_has_ended(self, client):
        with (
            client.control("actor"),
            client.control("ada", session_class=SessionClass.OPERATOR, take_over=True),
            pytest.raises(serl_client.ControlHeldError, match="ada"),
        ):
            client.control("actor")
        with client.control("actor") as session:
            session.step(home(client), period_s=PERIOD_S)
            state = client.get_state()
        assert (state.control_holder, state.control_class) == ("actor", SessionClass.LEARNER)

    @pytest.mark.parametrize(
        ("holder", "asks", "take_over"),
        [
            (SessionClass.LEARNER, SessionClass.LEARNER, True),
            (SessionClass.UNKNOWN, SessionClass.LEARNER, True),
            (SessionClass.OPERATOR, SessionClass.OPERATOR, True),
            (SessionClass.OPERATOR, SessionClass.LEARNER, True),
            (SessionClass.LEARNER, SessionClass.OPERATOR, False),
        ],
    )
    def test_nobody_else_takes_it_and_the_holder_is_not_disturbed(self, client, holder, asks, take_over):
        with client.control("holder", session_class=holder) as session:
            with pytest.raises(serl_client.ControlHeldError, match='"holder" at') as caught:
                client.control("other", session_class=asks, take_over=take_over)
            session.step(home(client), period_s=PERIOD_S)
        assert ("take it over" in str(caught.value)) == (asks > max(holder, SessionClass.LEARNER))

    def test_nobody_holds_an_arm_with_a_number_or_a_class(self, client):
        with client.control("ada"):
            pass
        state = client.get_state()
        assert (state.control_session_number, state.control_class) == (0, SessionClass.UNKNOWN)


class TestHold:
    def test_the_arm_holds_when_the_stream_ends(self, client, until):
        start = client.get_state().tcp_pose
        with client.control("ada") as session:
            session.step(shifted(start, y=0.08), period_s=PERIOD_S)
        state = until(client, lambda state: state.mode is ArmMode.IDLE)
        with client.control("bob") as session:
            for _ in range(20):
                later = session.step(period_s=PERIOD_S).observation.state
        assert np.linalg.norm(later.tcp_pose.position - state.tcp_pose.position) < 0.015
        assert np.linalg.norm(later.tcp_pose.position - shifted(start, y=0.08).position) > 0.02

    def test_the_arm_holds_when_the_call_is_cancelled(self, client, until):
        session = client.control("ada")
        session.step(home(client), period_s=PERIOD_S)
        session._call.cancel()
        state = until(client, lambda state: state.mode is ArmMode.IDLE)
        assert state.control_holder == ""

    def test_the_arm_holds_when_the_client_is_killed(self, target, client, until):
        script = Path(__file__).with_name("stepping_client.py")
        with subprocess.Popen(
            [sys.executable, str(script), target.address], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout.readline() == "stepping\n"
            assert client.get_state().control_holder == "doomed"
            child.send_signal(signal.SIGKILL)
            child.wait()
            state = until(client, lambda state: state.mode is ArmMode.IDLE)
        assert state.control_holder == ""
        with client.control("heir") as session:
            first = session.opening_observation.state.tcp_pose.position
            for _ in range(10):
                last = session.step(period_s=PERIOD_S).observation.state.tcp_pose.position
        assert np.linalg.norm(last - first) < 0.015

    def test_the_watchdog_holds_when_targets_stop(self, target, client, until):
        if target.is_lockstep:
            pytest.skip("time does not pass between requests")
        with client.control("ada") as session:
            session.step(shifted(home(client), y=0.02), period_s=PERIOD_S)
            state = until(client, lambda state: state.mode is ArmMode.HOLDING)
            assert state.control_holder == "ada"
            result = session.step(home(client), period_s=PERIOD_S)
            assert result.observation.state.mode is ArmMode.CONTROLLED

    def test_lockstep_advertises_no_command_timeout(self, target, client):
        assert (client.info.command_timeout_s == 0.0) == target.is_lockstep


class TestStop:
    def test_stop_ends_the_session_and_latches(self, client):
        session = client.control("ada")
        session.step(home(client), period_s=PERIOD_S)
        state = client.stop("a person came near", client_name="guard")
        assert (state.mode, state.stop_latched, state.control_holder) == (ArmMode.STOPPED, True, "")
        with pytest.raises(serl_client.StopLatchedError, match="guard"):
            session.step(home(client), period_s=PERIOD_S)
        with pytest.raises(serl_client.StopLatchedError) as caught:
            client.control("ada")
        assert caught.value.stopped_by == "guard"

    def test_a_reason_without_end_is_told_to_later_clients_in_part(self, client):
        client.stop("smoke" + 60_000 * "y", client_name="guard")
        with pytest.raises(serl_client.StopLatchedError, match="smokeyyy") as caught:
            client.control("ada")
        assert caught.value.stopped_by == "guard"
        assert len(str(caught.value)) < 1000

    def test_a_stopped_stream_ends_with_aborted(self, target, client):
        client.stop("drill", client_name="guard")
        code, _ = refusal(target, open_request())
        assert code is grpc.StatusCode.ABORTED

    def test_clearing_the_stop_permits_control_again(self, client):
        client.stop("drill")
        assert client.clear_stop().mode is ArmMode.IDLE
        with client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)

    def test_stop_and_clear_may_be_repeated(self, client):
        client.stop("drill")
        client.stop("drill")
        client.clear_stop()
        assert client.clear_stop().stop_latched is False


class TestFault:
    def test_a_fault_ends_the_stream_until_an_explicit_recovery(self, target, client):
        with client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)
            target.inject("contact_reflex")
            with pytest.raises(serl_client.FaultError) as caught:
                session.step(home(client), period_s=PERIOD_S)
        assert caught.value.fault_ids == ("contact_reflex",)
        target.clear()
        assert client.get_state().mode is ArmMode.FAULTED
        with pytest.raises(serl_client.FaultError):
            client.control("ada")
        recovered = client.recover()
        assert [fault.id for fault in recovered.cleared] == ["contact_reflex"]
        assert recovered.remaining == ()
        with client.control("ada") as session:
            assert session.step(home(client), period_s=PERIOD_S).observation.state.mode is ArmMode.CONTROLLED

    def test_a_fault_is_listed_until_cleared_and_afterwards_as_cleared(self, target, client):
        target.inject("contact_reflex")
        assert [fault.id for fault in client.list_faults().active] == ["contact_reflex"]
        target.clear()
        client.recover(["contact_reflex"])
        faults = client.list_faults()
        assert faults.active == ()
        assert faults.cleared[0].id == "contact_reflex"

    def test_recovering_from_an_unknown_fault_is_refused(self, client):
        with pytest.raises(serl_client.NotFoundError, match="flat_tyre"):
            client.recover(["flat_tyre"])

    def test_a_faulted_stream_ends_with_aborted(self, target, client):
        target.inject("contact_reflex")
        code, error = refusal(target, open_request())
        assert (code, type(error)) == (grpc.StatusCode.ABORTED, serl_client.FaultError)


def step_until_refused(session, pose):
    for _ in range(50):  # In real time the daemon notices a hand in one of the next states.
        session.step(pose, period_s=PERIOD_S)


class TestHand:
    def test_an_arm_that_is_guided_by_hand_says_so_and_opens_no_session(self, target, client, until):
        target.inject("hand_guiding")
        state = until(client, lambda state: state.mode is ArmMode.GUIDED)
        assert "guiding" in [fault.id for fault in state.faults]
        with pytest.raises(serl_client.FaultError):
            client.control("ada")
        target.clear()
        until(client, lambda state: state.mode is not ArmMode.GUIDED)
        client.recover()  # A hand that ended a motion has left a fault.
        assert client.get_state().mode is ArmMode.IDLE
        with client.control("ada") as session:
            assert session.step(home(client), period_s=PERIOD_S).observation.state.mode is ArmMode.CONTROLLED

    def test_a_hand_on_a_controlled_arm_ends_the_session_until_somebody_recovers(self, target, client, until):
        with client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)
            target.inject("hand_guiding")
            with pytest.raises(serl_client.FaultError):
                step_until_refused(session, home(client))
        assert until(client, lambda state: state.mode is ArmMode.GUIDED).control_holder == ""
        assert client.recover().remaining != ()
        target.clear()
        until(client, lambda state: state.mode is ArmMode.FAULTED)
        with pytest.raises(serl_client.FaultError):
            client.control("bob")
        assert client.recover().remaining == ()
        with client.control("bob") as session:
            session.step(home(client), period_s=PERIOD_S)
