"""What a key would be answered, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from factories import NOW, make_rule
from treadle.core.ids import new_id
from treadle.identity.firewall import FirewallRule
from treadle.identity.key_check import Reason, judge
from treadle.identity.model import ApiKey, ApplicationRole, Member, ProjectRole
from treadle.identity.rights import Right

PROJECT, OTHER = new_id(), new_id()
OFFICE = make_rule("192.0.2.16", "192.0.2.31", name="Office")
INSIDE, OUTSIDE = "192.0.2.20", "192.0.2.1"


def make_judged(
    role: ApplicationRole | None = None,
    project_role: ProjectRole | None = None,
    *,
    rules: tuple[FirewallRule, ...] = (),
    expires_at: datetime = NOW + timedelta(days=1),
) -> ApiKey:
    client_id = new_id()
    roles: list[Member] = []
    if role is not None:
        roles.append(Member(new_id(), "api_key", str(client_id), None, role, NOW))
    if project_role is not None:
        roles.append(Member(new_id(), "api_key", str(client_id), PROJECT, project_role, NOW))
    return ApiKey(
        client_id=client_id,
        tenant_id=new_id(),
        description="judged",
        expires_at=expires_at,
        firewall_rules=rules,
        roles=tuple(roles),
        old_secret_until=None,
        created_at=NOW,
        created_by="user:1",
        last_modified_at=NOW,
        last_modified_by="user:1",
        last_used_at=None,
        last_used_from=None,
    )


@pytest.mark.parametrize(
    ("key", "right", "project_id", "reason", "status"),
    [
        # The questions of a request, in their order: the first no is the answer.
        (make_judged(rules=(OFFICE,), expires_at=NOW), Right.JOBS_RUN, None, "expired", 401),
        (make_judged(rules=(make_rule(OUTSIDE),)), None, None, "firewall", 403),
        (make_judged(), None, None, "no_role", 403),
        (make_judged(), Right.JOBS_READ, PROJECT, "no_role", 403),
        # In a project.
        (make_judged(None, "Manager"), Right.JOBS_RUN, PROJECT, "allowed", 200),
        (make_judged(None, "Member"), Right.JOBS_RUN, PROJECT, "right", 403),
        (make_judged(None, "Manager"), Right.JOBS_RUN, OTHER, "invisible", 404),
        (make_judged(None, "Member"), None, PROJECT, "allowed", 200),
        (make_judged(None, "Member"), None, OTHER, "invisible", 404),
        (make_judged("Administrator"), Right.JOBS_WRITE, OTHER, "allowed", 200),
        (make_judged("Consumer"), Right.JOBS_READ, PROJECT, "invisible", 404),
        # In any project.
        (make_judged(None, "Manager"), Right.JOBS_RUN, None, "allowed", 200),
        (make_judged(None, "Member"), Right.JOBS_RUN, None, "right", 403),
        (make_judged("Consumer"), Right.JOBS_RUN, None, "invisible", 404),
        (make_judged("Consumer"), None, None, "allowed", 200),
        # In the tenant.
        (make_judged("Administrator"), Right.KEYS_WRITE, None, "allowed", 200),
        (make_judged("Project Creator"), Right.PROJECT_CREATE, None, "allowed", 200),
        (make_judged(None, "Owner"), Right.KEYS_READ, None, "right", 403),
        (make_judged(None, "Member"), Right.TENANT_READ, None, "allowed", 200),
    ],
)
def test_the_first_no_decides(
    key: ApiKey, right: Right | None, project_id: UUID | None, reason: Reason, status: int
) -> None:
    verdict = judge(key, address=INSIDE, right=right, project_id=project_id, now=NOW)
    assert (verdict.allowed, verdict.reason, verdict.status) == (
        reason == "allowed",
        reason,
        status,
    )
    assert verdict.message


def test_a_key_is_dead_at_the_very_instant() -> None:
    key = make_judged("Consumer", expires_at=NOW)
    before = judge(
        key, address=INSIDE, right=None, project_id=None, now=NOW - timedelta(microseconds=1)
    )
    at = judge(key, address=INSIDE, right=None, project_id=None, now=NOW)
    assert (before.allowed, at.allowed) == (True, False)


def test_the_rule_that_lets_in_is_named() -> None:
    fenced = make_judged("Consumer", rules=(make_rule("10.0.0.1"), OFFICE))
    named = judge(fenced, address=INSIDE, right=None, project_id=None, now=NOW)
    assert (named.allowed, named.rule_name) == (True, "Office")
    # Also where something else refuses.
    refused = judge(fenced, address=INSIDE, right=Right.KEYS_READ, project_id=None, now=NOW)
    assert (refused.reason, refused.rule_name) == ("right", "Office")
    for address in (OUTSIDE, "2001:db8::1"):
        outside = judge(fenced, address=address, right=None, project_id=None, now=NOW)
        assert (outside.reason, outside.rule_name) == ("firewall", None)
    free = judge(make_judged("Consumer"), address="::1", right=None, project_id=None, now=NOW)
    assert (free.allowed, free.rule_name) == (True, None)


def test_a_right_of_the_tenant_is_not_asked_in_a_project() -> None:
    with pytest.raises(ValueError, match="KEYS_READ"):
        judge(
            make_judged("Consumer"),
            address=INSIDE,
            right=Right.KEYS_READ,
            project_id=PROJECT,
            now=NOW,
        )
