"""The table of rights against contract §2, cell by cell, and the questions asked of it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from treadle.core.errors import Forbidden, NotFound
from treadle.identity.model import (
    APPLICATION_ROLES,
    PROJECT_ROLES,
    ApplicationRole,
    Principal,
    ProjectRole,
)
from treadle.identity.rights import (
    EVERYTHING,
    MISSING,
    Right,
    allows,
    projects_allowing,
    require,
    require_a_role,
    require_somewhere,
    visible_projects,
)

HERE, ELSEWHERE = uuid4(), uuid4()

# A letter a role that has the right: Administrator, project Creator, consUmer.
IN_TENANT = {
    Right.TENANT_READ: "ACU",
    Right.TENANT_WRITE: "A",
    Right.PROJECT_CREATE: "AC",
    Right.USERS_READ: "A",
    Right.USERS_WRITE: "A",
    Right.ROLES_WRITE: "A",
    Right.KEYS_READ: "A",
    Right.KEYS_WRITE: "A",
    Right.MACROS_TENANT_WRITE: "A",
    Right.CALENDARS_WRITE: "A",
    Right.AUDIT_READ: "A",
}
APPLICATION_LETTER: dict[ApplicationRole, str] = {
    "Administrator": "A",
    "Project Creator": "C",
    "Consumer": "U",
}
# Owner, Contributor, manaGer, Member.
IN_PROJECT = {
    Right.PROJECT_READ: "OCGM",
    Right.PROJECT_WRITE: "O",
    Right.PROJECT_MEMBERS_WRITE: "O",
    Right.JOBS_READ: "OCGM",
    Right.JOBS_RUN: "OCG",
    Right.JOBS_WRITE: "OC",
    Right.WORKFLOWS_READ: "OCGM",
    Right.WORKFLOWS_RUN: "OCG",
    Right.WORKFLOWS_WRITE: "OC",
    Right.SCHEDULES_READ: "OCGM",
    Right.SCHEDULES_WRITE: "OCG",
    Right.INTEGRATIONS_READ: "OCGM",
    Right.INTEGRATIONS_WRITE: "OC",
    Right.ENTITIES_READ: "OCGM",
    Right.ENTITIES_WRITE: "OC",
    Right.RECORDS_WRITE: "OCG",
    Right.HISTORY_READ: "OCG",
}
PROJECT_LETTER: dict[ProjectRole, str] = {
    "Owner": "O",
    "Contributor": "C",
    "Manager": "G",
    "Member": "M",
}


def principal(
    role: ApplicationRole | None = None, projects: dict[UUID, ProjectRole] | None = None
) -> Principal:
    return Principal("user", "1", "alice", uuid4(), role, projects or {})


def test_every_right_stands_in_exactly_one_table() -> None:
    assert set(IN_TENANT) | set(IN_PROJECT) == set(Right)
    assert not set(IN_TENANT) & set(IN_PROJECT)


@pytest.mark.parametrize("role", APPLICATION_ROLES)
@pytest.mark.parametrize("right", IN_TENANT)
def test_application_role_in_the_tenant(role: ApplicationRole, right: Right) -> None:
    assert allows(principal(role), right) is (APPLICATION_LETTER[role] in IN_TENANT[right])


@pytest.mark.parametrize("role", APPLICATION_ROLES)
@pytest.mark.parametrize("right", IN_PROJECT)
def test_application_role_in_a_project_without_a_role_there(
    role: ApplicationRole, right: Right
) -> None:
    assert allows(principal(role), right, HERE) is (role == "Administrator")


@pytest.mark.parametrize("role", PROJECT_ROLES)
@pytest.mark.parametrize("right", IN_PROJECT)
def test_project_role_in_its_project_and_in_another(role: ProjectRole, right: Right) -> None:
    who = principal("Consumer", {HERE: role})

    assert allows(who, right, HERE) is (PROJECT_LETTER[role] in IN_PROJECT[right])
    assert allows(who, right, ELSEWHERE) is False


@pytest.mark.parametrize("role", PROJECT_ROLES)
@pytest.mark.parametrize("right", IN_TENANT)
def test_project_role_alone_reads_the_tenant_and_no_more(role: ProjectRole, right: Right) -> None:
    assert allows(principal(None, {HERE: role}), right) is (right is Right.TENANT_READ)


@pytest.mark.parametrize("right", Right)
def test_without_any_role_everything_is_forbidden(right: Right) -> None:
    nobody = principal()
    project_id = HERE if right in IN_PROJECT else None

    assert allows(nobody, right, project_id) is False
    with pytest.raises(Forbidden, match=right.value):
        require(nobody, right, project_id)
    with pytest.raises(Forbidden):
        require_a_role(nobody)


@pytest.mark.parametrize("right", IN_PROJECT)
def test_a_role_too_low_is_forbidden_and_an_invisible_project_is_missing(right: Right) -> None:
    who = principal("Project Creator", {HERE: "Member"})

    require_a_role(who)
    if "M" in IN_PROJECT[right]:
        require(who, right, HERE)
    else:
        with pytest.raises(Forbidden) as refused:
            require(who, right, HERE)
        assert refused.value.message == f"Your role does not allow you to {right.value}."
    with pytest.raises(NotFound) as missing:
        require(who, right, ELSEWHERE)
    assert missing.value.message == MISSING
    with pytest.raises(NotFound, match="no such job"):
        require(who, right, ELSEWHERE, missing="no such job")


def test_a_right_in_the_tenant_is_forbidden_never_missing() -> None:
    with pytest.raises(Forbidden):
        require(principal("Consumer"), Right.USERS_WRITE)
    require(principal("Administrator"), Right.USERS_WRITE)


def test_visible_projects_are_those_with_a_role_and_all_for_an_administrator() -> None:
    assert visible_projects(principal("Administrator")) is EVERYTHING
    assert visible_projects(principal("Consumer", {HERE: "Member"})) == {HERE}
    assert visible_projects(principal("Project Creator")) == frozenset()


def test_projects_allowing_leaves_out_those_with_too_low_a_role() -> None:
    who = principal("Consumer", {HERE: "Member", ELSEWHERE: "Manager"})

    assert projects_allowing(who, Right.JOBS_READ) == {HERE, ELSEWHERE}
    assert projects_allowing(who, Right.HISTORY_READ) == {ELSEWHERE}
    assert projects_allowing(principal("Administrator"), Right.HISTORY_READ) is EVERYTHING


def test_require_somewhere_forbids_only_whoever_sees_projects_without_the_right() -> None:
    member = principal("Consumer", {HERE: "Member"})
    stranger = principal("Consumer")

    assert require_somewhere(member, Right.JOBS_READ) == {HERE}
    assert require_somewhere(stranger, Right.JOBS_READ) == frozenset()
    assert require_somewhere(principal("Administrator"), Right.JOBS_WRITE) is EVERYTHING
    with pytest.raises(Forbidden):
        require_somewhere(member, Right.HISTORY_READ)
    with pytest.raises(Forbidden):
        require_somewhere(principal(), Right.JOBS_READ)


def test_a_right_asked_at_the_wrong_level_is_a_bug() -> None:
    everywhere = principal("Administrator")

    with pytest.raises(ValueError, match="JOBS_RUN"):
        allows(everywhere, Right.JOBS_RUN)
    with pytest.raises(ValueError, match="USERS_READ"):
        require(everywhere, Right.USERS_READ, HERE)
    with pytest.raises(ValueError, match="USERS_READ"):
        projects_allowing(everywhere, Right.USERS_READ)
    with pytest.raises(ValueError, match="USERS_READ"):
        require_somewhere(everywhere, Right.USERS_READ)


def test_a_principal_says_how_rows_name_it() -> None:
    key = Principal("api_key", "tdl_c_1", "nightly", uuid4(), None, {HERE: "Manager"})

    assert principal().ref == "user:1"
    assert key.ref == "api_key:tdl_c_1"
    assert isinstance(hash(key), int)
    assert allows(key, Right.JOBS_RUN, HERE)
