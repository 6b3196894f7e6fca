from __future__ import annotations

import pytest

from treadle.identity.lockout import LockOut

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("admin", "192.0.2.1"), ("ADMIN", "192.0.2.1")),
        (("admin", "192.0.2.1"), (" admin", "::ffff:192.0.2.1")),
        (("admin", "2001:db8::1"), ("admin", "2001:db8::ffff")),
        (("admin", "2001:DB8:0:0::1"), ("admin", "2001:db8:0:0:1::")),
    ],
)
def test_spellings_of_one_subject(one: tuple[str, str], other: tuple[str, str]) -> None:
    lockout = LockOut(KEY)

    assert lockout.subject(*one) == lockout.subject(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("admin", "192.0.2.1"), ("admin", "192.0.2.2")),
        (("admin", "192.0.2.1"), ("bob", "192.0.2.1")),
        (("admin", "2001:db8::1"), ("admin", "2001:db8:0:1::1")),
        (("admin", "unix"), ("admin", "")),
    ],
)
def test_subjects_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    lockout = LockOut(KEY)

    assert lockout.subject(*one) != lockout.subject(*other)


def test_a_subject_hangs_on_the_key_and_shows_nothing() -> None:
    subject = LockOut(KEY).subject("admin", "192.0.2.1")

    assert len(subject) == 32
    assert b"admin" not in subject
    assert subject != LockOut(b"l" * 32).subject("admin", "192.0.2.1")
