"""The crash points around every step at Stripe, by step and stage.

The table has every member of Step. A step without crash points breaks the import of this module, so no step goes
without its crash tests.
"""

from enum import StrEnum

from runtime.crash_points import reached
from service.crash_points import CrashPoint
from service.domain.next_step import Step


class Stage(StrEnum):
    """Stages of a step at which a test may kill the process."""

    BEFORE_CALL = "before_call"
    AFTER_CALL = "after_call"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


STEP_POINTS = {(step, stage): CrashPoint(f"{step}.{stage}") for step in Step for stage in Stage}


def reached_in(step: Step, stage: Stage) -> None:
    """Announce that this step has reached this stage; a test may kill the process here."""
    reached(STEP_POINTS[step, stage])
