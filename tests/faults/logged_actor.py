"""An actor that notes every row it makes and every acknowledgement it gets, beside and before the product's own files.

Usage: `SERL_FAULTS_LOG=FOLDER python -m tests.faults.logged_actor actor OPTIONS…`, as `serl-train actor`.
"""

import os
import time
from pathlib import Path

import numpy as np

from serl_rl import __main__ as serl_train
from serl_rl.actor import joining
from serl_rl.actor.spool import Spool

PERIOD_S = 0.01
"""An arm takes its time for a step; a point mass does not."""
FOLDER = "SERL_FAULTS_LOG"
ROWS, ROW_NUMBERS, ACKNOWLEDGEMENTS = "rows.log", "row-numbers.log", "acknowledgements.log"
NUMBER_AT_TIME = np.dtype([("number", "<i8"), ("time_ns", "<i8")])


class LoggedSpool(Spool):
    """The product's spool, with a log that survives the process like the pages of any file."""

    def __init__(self, *arguments, **options):
        names = (ROWS, ROW_NUMBERS, ACKNOWLEDGEMENTS)
        self._logs = {name: os.open(Path(os.environ[FOLDER]) / name, _FLAGS) for name in names}
        super().__init__(*arguments, **options)

    def append(self, row):
        """Notes the row, then writes it: a row that was noted and not written is noted anew under its number."""
        time.sleep(PERIOD_S)
        os.write(self._logs[ROWS], self.next_sequence.to_bytes(8, "little") + row.tobytes())
        self._note(ROW_NUMBERS, self.next_sequence)
        return super().append(row)

    def acknowledge(self, sequence):
        """Notes what the learner said once it was taken in."""
        super().acknowledge(sequence)
        self._note(ACKNOWLEDGEMENTS, sequence)

    def _note(self, name, number):
        os.write(self._logs[name], np.array((number, time.monotonic_ns()), NUMBER_AT_TIME).tobytes())


_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND

if __name__ == "__main__":
    joining.Spool = LoggedSpool
    serl_train.main()
