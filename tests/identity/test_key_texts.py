from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.identity.key_texts import (
    api_key_text,
    client_secret_text,
    read_api_key,
    read_client_secret,
    spell_secret,
)

CLIENT_ID = UUID("3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f")
SECRET = spell_secret(2**255 + 12345)
numbers = st.integers(min_value=0, max_value=2**256 - 1)


def test_the_texts_are_spelled_for_ever_as_they_are_today() -> None:
    """Keys are out there in other people's settings: the spelling can't change."""
    assert spell_secret(0) == "0" * 43
    assert spell_secret(61) == "0" * 42 + "z"
    assert spell_secret(62) == "0" * 41 + "10"
    assert spell_secret(2**256 - 1) == "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"
    zero = "0" * 43
    assert client_secret_text(zero) == f"tdl_cs_{zero}3AQzhA"
    assert api_key_text(UUID(int=0), zero) == f"tdl_key_{'0' * 32}_{zero}0Ao6F3"


@given(numbers)
def test_what_is_spelled_is_read(number: int) -> None:
    secret = spell_secret(number)
    assert read_client_secret(client_secret_text(secret)) == secret
    assert read_api_key(api_key_text(CLIENT_ID, secret)) == (CLIENT_ID, secret)


@given(numbers, numbers)
def test_secrets_differ_as_their_numbers_do(one: int, other: int) -> None:
    assert (spell_secret(one) == spell_secret(other)) == (one == other)


@pytest.mark.parametrize("number", [-1, 2**256])
def test_a_number_of_another_size_is_no_secret(number: int) -> None:
    with pytest.raises(ValueError, match="256 bits"):
        spell_secret(number)


@pytest.mark.parametrize("place", range(len(client_secret_text(SECRET))))
def test_any_one_mistyped_character_is_noticed(place: int) -> None:
    text = client_secret_text(SECRET)
    for other in "0Zz_é":
        typed = text[:place] + other + text[place + 1 :]
        assert (read_client_secret(typed) is None) == (typed != text)


def test_swapped_characters_are_noticed() -> None:
    text = api_key_text(CLIENT_ID, SECRET)
    for place in range(len(text) - 1):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert (read_api_key(swapped) is None) == (swapped != text)


def test_what_only_looks_alike_is_not_read() -> None:
    text = api_key_text(CLIENT_ID, SECRET)
    for other in ("", text[:-1], f"{text}0", f" {text}", f"{text}\n", text.upper(), text * 2):
        assert read_api_key(other) is None
    assert read_api_key(client_secret_text(SECRET)) is None
    assert read_client_secret(text) is None
    assert read_client_secret(SECRET) is None


def test_a_scanner_knows_both_by_their_look() -> None:
    assert re.fullmatch(r"tdl_key_[0-9a-f]{32}_[0-9A-Za-z]{49}", api_key_text(CLIENT_ID, SECRET))
    assert re.fullmatch(r"tdl_cs_[0-9A-Za-z]{49}", client_secret_text(SECRET))
