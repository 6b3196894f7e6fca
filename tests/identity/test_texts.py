from __future__ import annotations

import pytest

from treadle.core.errors import BadInput
from treadle.identity.texts import check_email, check_text


def test_a_text_is_trimmed_and_bounded() -> None:
    assert check_text(" Zoë\u200d ", field="firstName", most=100) == "Zoë\u200d"
    assert check_text("", field="firstName", most=100) == ""
    assert check_text("x" * 5, field="name", least=5, most=5) == "xxxxx"


@pytest.mark.parametrize("text", ["", "  ", "x" * 6, "a\nb", "a\0b", "\udfff"])
def test_a_text_out_of_bounds_is_refused_under_its_name(text: str) -> None:
    with pytest.raises(BadInput, match="name must") as refused:
        check_text(text, field="name", least=1, most=5)
    assert refused.value.field == "name"


@pytest.mark.parametrize("text", ["", "a@b", " a.b+c@example.com ", '"a@b"@example.com'])
def test_an_email_may_be_empty_or_an_address(text: str) -> None:
    assert check_email(text) == text.strip()


@pytest.mark.parametrize("text", ["a", "@b", "a@", "a b@c", "a@b c", "x" * 250 + "@b.de"])
def test_an_email_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_email(text)
    assert refused.value.field == "email"
