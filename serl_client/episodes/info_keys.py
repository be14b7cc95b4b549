"""Names the keys that wrappers add to `info`."""

from __future__ import annotations

from typing import Final

INTERVENTION: Final = "intervention"
"""Whether somebody took over from the policy in this step, bool."""
INTERVENTION_ACTION: Final = "intervention_action"
"""What was executed in place of the policy's action, in [-1, 1], shape (A,); absent where nobody took over."""
