"""Log text: decoded, bounded, without secrets, however the bytes are cut into pieces."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from treadle.jobs.logs import MASK, LogText, Scrubber


def _whole(pieces: list[bytes], *, secrets: set[str], max_bytes: int = 10**9) -> str:
    text = LogText(secrets=secrets, max_bytes=max_bytes)
    return "".join([*(text.feed(piece) for piece in pieces), text.close()])


def test_text_without_secrets_comes_at_once() -> None:
    assert LogText(secrets=set(), max_bytes=100).feed(b"half a line") == "half a line"


def test_a_secret_is_masked() -> None:
    assert _whole([b"token=hunter2!\n"], secrets={"hunter2"}) == f"token={MASK}!\n"


def test_a_secret_over_two_pieces_is_masked() -> None:
    assert _whole([b"token=hun", b"ter2!\n"], secrets={"hunter2"}) == f"token={MASK}!\n"


def test_what_only_began_like_a_secret_is_shown() -> None:
    assert _whole([b"hun", b"gry"], secrets={"hunter2"}) == "hungry"


def test_a_held_back_beginning_is_shown_at_the_end() -> None:
    assert _whole([b"hunt"], secrets={"hunter2"}) == "hunt"


def test_a_secret_whose_end_looks_like_its_beginning_is_masked() -> None:
    assert _whole([b"xabcabc", b"y"], secrets={"abcabc"}) == f"x{MASK}y"


def test_the_longer_of_two_secrets_wins() -> None:
    assert _whole([b"abcd", b"efgh"], secrets={"abcd", "abcdefgh"}) == MASK


def test_each_line_of_a_secret_is_masked() -> None:
    assert _whole([b"BEGIN\nc2VjcmV0\n"], secrets={"-----\nc2VjcmV0\n-----"}) == f"BEGIN\n{MASK}\n"


def test_a_very_short_secret_is_not_masked() -> None:
    assert _whole([b"a1b1"], secrets={"1"}) == "a1b1"


@given(
    secrets=st.sets(st.text("ab", min_size=4, max_size=7), min_size=1, max_size=3),
    text=st.text("ab", max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_no_way_to_cut_the_output_shows_more_than_one_piece_would(
    secrets: set[str], text: str, cuts: list[int]
) -> None:
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b].encode() for a, b in itertools.pairwise(places)]
    shown = _whole(pieces, secrets=secrets)
    assert not any(secret in shown for secret in secrets)


@given(secrets=st.sets(st.text(min_size=4, max_size=9), max_size=2), text=st.text(max_size=80))
def test_scrubber_loses_nothing_else(secrets: set[str], text: str) -> None:
    scrubber = Scrubber(secrets)
    shown = "".join([*(scrubber.feed(character) for character in text), scrubber.close()])
    if not any(part in text for secret in secrets for part in [secret, *secret.splitlines()]):
        assert shown == text


def test_characters_over_two_pieces_are_whole() -> None:
    assert _whole([b"caf\xc3", b"\xa9"], secrets=set()) == "café"


def test_what_is_not_text_is_marked() -> None:
    assert _whole([b"a\xff\0b"], secrets=set()) == "a\ufffd\ufffdb"


def test_a_log_over_its_bound_is_cut_and_says_so() -> None:
    shown = _whole([b"0123456789", b"0123456789"], secrets=set(), max_bytes=12)
    assert shown.startswith("012345678901\n[treadle] the log was cut here: 8 bytes more")


def test_the_cut_falls_between_characters() -> None:
    assert _whole(["éé".encode()], secrets=set(), max_bytes=3).startswith("é\n[treadle]")


def test_nothing_is_said_of_a_log_that_just_fits() -> None:
    assert _whole([b"0123456789"], secrets=set(), max_bytes=10) == "0123456789"
