"""The table of types: what each is made of, and what it can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from treadle.integrations.model import Config, IntegrationType, Secrets
from treadle.integrations.types import http, sap, slack, smtp, sql, teams


@dataclass(frozen=True, slots=True)
class Kind:
    """One type. `test` and `notify` are the functions of its module, which only take integrations
    of their own type: `treadle.integrations.calls` gives them nothing else.
    """

    config: type[Config]
    secrets: type[Secrets]
    test: Callable[..., Awaitable[str]]
    notify: Callable[..., Awaitable[None]] | None = None


KINDS: Final[Mapping[IntegrationType, Kind]] = {
    IntegrationType.HTTP: Kind(http.HttpConfig, http.HttpSecrets, http.test, http.notify),
    IntegrationType.SAP: Kind(sap.SapConfig, sap.SapSecrets, sap.test),
    IntegrationType.TEAMS: Kind(teams.TeamsConfig, teams.TeamsSecrets, teams.test, teams.notify),
    IntegrationType.SLACK: Kind(slack.SlackConfig, slack.SlackSecrets, slack.test, slack.notify),
    IntegrationType.SMTP: Kind(smtp.SmtpConfig, smtp.SmtpSecrets, smtp.test, smtp.notify),
    IntegrationType.SQL: Kind(sql.SqlConfig, sql.SqlSecrets, sql.test),
}
