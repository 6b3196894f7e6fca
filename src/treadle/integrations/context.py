"""What the integrations' domain is given once, at start."""

from __future__ import annotations

from dataclasses import dataclass, field

from treadle.core.sealing import Sealer
from treadle.integrations.outbound import Outbound
from treadle.integrations.remembered import Remembered


@dataclass(frozen=True, slots=True)
class CsrfSession:
    """A SAP system's token against forged requests, and the cookies that it goes with."""

    token: str
    cookie: str


@dataclass(frozen=True, slots=True)
class IntegrationsContext:
    """The parts that integrations need, and what this process remembers of other systems."""

    sealer: Sealer
    outbound: Outbound
    tokens: Remembered[str] = field(default_factory=Remembered[str])
    sessions: Remembered[CsrfSession] = field(default_factory=Remembered[CsrfSession])
