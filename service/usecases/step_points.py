"""The crash points around every step at Stripe, by step and stage.

Built for every member of Step: a step without its points cannot be imported, so it cannot be run untested.
"""

from enum import StrEnum

from runtime.crash_points import reached
from service.crash_points import CrashPoint
from service.domain.next_step import Step


class Stage(StrEnum):
    """Where in a step the process may die."""

    BEFORE_CALL = "before_call"
    AFTER_CALL = "after_call"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


STEP_POINTS = {(step, stage): CrashPoint(f"{step}.{stage}") for step in Step for stage in Stage}


def reached_in(step: Step, stage: Stage) -> None:
    """This step has come to this stage."""
    reached(STEP_POINTS[step, stage])
