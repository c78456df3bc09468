"""The crash points of all processes."""

import consumer.crash_points
import relay.crash_points
import service.crash_points

CrashPoint = service.crash_points.CrashPoint | relay.crash_points.CrashPoint | consumer.crash_points.CrashPoint

ALL: tuple[CrashPoint, ...] = (
    *service.crash_points.CrashPoint,
    *relay.crash_points.CrashPoint,
    *consumer.crash_points.CrashPoint,
)
