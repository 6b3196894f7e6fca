"""Rules that no wall clock touches: elapsed time, and one single instant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Every `step` seconds from `origin` on, counted from it; `skip_origin`: not at it itself."""

    origin: int
    step: int
    skip_origin: bool

    def after(self, instant: int) -> int:
        """The first instant later than this one."""
        steps = (instant - self.origin) // self.step + 1
        return self.origin + max(steps, self._lowest) * self.step

    def until(self, instant: int) -> int | None:
        """The last instant up to this one."""
        steps = (instant - self.origin) // self.step
        return None if steps < self._lowest else self.origin + steps * self.step

    def count(self, after: int, until: int, limit: int) -> int:
        """How many instants lie in (after, until], at most `limit`."""
        before = max((after - self.origin) // self.step, self._lowest - 1)
        return min(max((until - self.origin) // self.step - before, 0), limit)

    @property
    def _lowest(self) -> int:
        return 1 if self.skip_origin else 0


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant."""

    at: int

    def after(self, instant: int) -> int | None:
        """The instant, if it is later than this one."""
        return self.at if self.at > instant else None

    def until(self, instant: int) -> int | None:
        """The instant, if it is not later than this one."""
        return self.at if self.at <= instant else None

    def count(self, after: int, until: int, limit: int) -> int:
        """1 if it lies in (after, until]."""
        return min(int(after < self.at <= until), limit)
