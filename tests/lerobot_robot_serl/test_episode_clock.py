from hypothesis import given
from hypothesis import strategies as st
from lerobot_robot_serl.episode_clock import EpisodeClock

from tests.support.clocks import ManualClock


class Recorder:
    """Times its parts as `lerobot-record` does, and keeps what the episode clock said at each observation."""

    def __init__(self, episode_time_s, reset_time_s, lateness):
        self.clock = ManualClock(5.0)
        self.episode_clock = EpisodeClock(episode_time_s, reset_time_s, self.clock)
        self.lateness = iter(lateness)
        self.parts = []

    def part(self, time_s, period_s=0.1):
        said = []
        started = self.clock.now
        while self.clock.now - started < time_s:
            self.clock.now += 1e-5
            said.append((self.episode_clock.brings_to_start(), self.episode_clock.is_resting))
            self.clock.now += period_s + next(self.lateness, 0.0)
        self.parts.append(said)


@given(
    episode_time_s=st.floats(0.5, 3.0),
    reset_time_s=st.one_of(st.just(0.0), st.floats(0.5, 2.0)),
    save_s=st.floats(0.001, 3.0),
    lateness=st.lists(st.floats(0.0, 0.3), max_size=80),
)
def test_no_reset_lies_within_a_recorded_episode_and_one_lies_between_two(
    episode_time_s, reset_time_s, save_s, lateness
):
    recorder = Recorder(episode_time_s, reset_time_s, lateness)
    for _ in range(3):
        recorder.part(episode_time_s)
        recorder.part(reset_time_s)
        recorder.clock.now += save_s
    for number, (episode, reset) in enumerate(zip(recorder.parts[::2], recorder.parts[1::2], strict=True)):
        brought = [was for was, _ in episode]
        begins_late = 0 if reset_time_s else int(number > 0)  # Without a reset the next episode's first step has it.
        assert sum(brought) == sum(brought[:2]) <= begins_late
        assert all(not resting for _, resting in episode[3:])
        if reset_time_s:
            assert sum(was for was, _ in reset) == 1


def test_without_episodes_the_arm_is_never_brought_anywhere():
    clock = ManualClock()
    episode_clock = EpisodeClock(0.0, 5.0, clock)
    for _ in range(4):
        assert not episode_clock.brings_to_start()
        assert not episode_clock.is_resting
        clock.now += 100.0
