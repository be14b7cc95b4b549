"""Every reader of files meets damage with a sentence of its own; `python -m tests.fuzz --files` goes on for longer."""

import threading

import pytest

from tests.fuzz.files import READERS, FileCampaign, bounded

SLOW = {"LeRobot": 6, "ALOHA": 8, "episodes": 12, "replay": 12}
"""Those that take longer are tried less often."""


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(name, tmp_path):
    campaign = FileCampaign(name, tmp_path, seed=1)
    campaign.reader.read(campaign.sound)
    campaign.run(SLOW.get(name, 40))
    assert campaign.refused or name == "metrics"  # Whose reader leaves lines out that are no rows.


def test_the_harness_would_notice_a_large_allocation():
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(MemoryError), bounded():
        bytearray(1 << 32)
