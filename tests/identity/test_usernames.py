from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.core.errors import BadInput
from treadle.identity.usernames import fold_username, tidy_username


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Admin", "aDMIN"),
        ("ÉCOLE", "école"),
        ("E\u0301cole", "école"),  # the accent as a sign of its own
        ("STRASSE", "straße"),
        ("ａｄｍｉｎ", "admin"),  # full width
        ("ΟΔΟΣ", "οδος"),  # final sigma
        (" admin\t", "admin"),
    ],
)
def test_names_that_look_alike_are_the_same(one: str, other: str) -> None:
    assert fold_username(one) == fold_username(other)


@pytest.mark.parametrize(("one", "other"), [("admin", "adm1n"), ("İ", "i"), ("a b", "ab")])
def test_other_names_are_other_names(one: str, other: str) -> None:
    assert fold_username(one) != fold_username(other)


@given(st.text(max_size=20))
def test_folding_is_settled_after_once(text: str) -> None:
    assert fold_username(fold_username(text)) == fold_username(text)


@given(st.text(max_size=20))
def test_a_stored_name_folds_like_what_was_typed(text: str) -> None:
    try:
        stored = tidy_username(text)
    except BadInput:
        return
    assert fold_username(stored) == fold_username(text)
    assert tidy_username(stored) == stored


def test_a_name_is_trimmed_and_composed() -> None:
    assert tidy_username("  Jose\u0301 Ruiz ") == "José Ruiz"
    assert tidy_username("x" * 100) == "x" * 100


@pytest.mark.parametrize(
    "text", ["", "   ", "x" * 101, "a\0b", "a\nb", "a\u200bb", "a\u202eb", "\ud800", "\ue000"]
)
def test_a_name_that_nobody_may_have_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        tidy_username(text)
    assert refused.value.field == "username"
