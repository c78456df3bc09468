"""Figures: their rounds, the figures beside them, and the goals."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Series:
    """One figure, measured in several rounds."""

    name: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """Largest minus smallest round, as a part of the median."""
        return (max(self.rounds) - min(self.rounds)) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Reach:
    """The goal of a ratio: a minimum or a maximum."""

    bound: float
    at_most: bool = False

    def met(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True)
class Row:
    """A figure beside another one of the same run. Without `beside` it is only shown."""

    figure: Series
    beside: Series | None = None
    reach: Reach | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratios: round by round if both were measured side by side, otherwise that of the medians."""
        if self.beside is None:
            return ()
        ours, theirs = self.figure.rounds, self.beside.rounds
        if len(ours) == len(theirs):
            return tuple(one / other for one, other in zip(ours, theirs, strict=True))
        return (self.figure.median / self.beside.median,)

    @property
    def ratio(self) -> float | None:
        return median(self.ratios) if self.beside is not None else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return None if self.reach is None or self.ratio is None else self.reach.met(self.ratio)


@dataclass(frozen=True)
class Curve:
    """A line of a plot: points (x, y)."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """Curves over one pair of axes."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Result:
    """The result of one benchmark."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    plots: tuple[Plot, ...] = ()


def percentile(values: list[float], part: float) -> float:
    """The smallest value that `part` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def per_round(name: str, unit: str, rounds: list[float]) -> Series:
    """A series of rounds."""
    return Series(name, unit, tuple(rounds))
