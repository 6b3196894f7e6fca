"""YAML that is read as JSON's values, and YAML that is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from treadle.cli.desired import read_desired
from treadle.cli.yaml_files import MAX_DEPTH, read_yaml

LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
LONG_LAUGHS = f"a: &a {'ha' * 50_000}\nb: [{', '.join(['*a'] * 200)}]\n"
LADDER = "a0: &a0 []\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(5000))
DEEP = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)


def test_what_json_has_comes_out() -> None:
    text = """
    text: on
    flags: [true, False, yes, no]
    numbers: [1, -2, 0x10, 0o17, 1.5, 1e3, .5]
    nothing: [~, null, ]
    times: [09:00, 2026-01-01, 2026-01-01T00:00:00Z, 1:30:00]
    quoted: ['1', "true", '~']
    block: |
      print("hello")
    "on": error
    """
    assert read_yaml(text) == {
        "text": "on",
        "flags": [True, False, "yes", "no"],
        "numbers": [1, -2, 16, 15, 1.5, 1000.0, 0.5],
        "nothing": [None, None],
        "times": ["09:00", "2026-01-01", "2026-01-01T00:00:00Z", "1:30:00"],
        "quoted": ["1", "true", "~"],
        "block": 'print("hello")\n',
        "on": "error",
    }


def test_a_connection_says_on_error_without_quotes() -> None:
    assert read_yaml("{from: a, to: b, on: error}") == {"from": "a", "to": "b", "on": "error"}


def test_anchors_repeat_and_merge() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{x: 9}, *a]}"
    assert read_yaml(text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1, "y": 3},
        "d": {"x": 9, "y": 2},
    }


def test_an_empty_file_is_nothing() -> None:
    assert read_yaml("") is None
    assert read_yaml("# nothing yet\n") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: 1\nb: 2\na: 3", "line 3, column 1: a is given twice", id="double"),
        pytest.param("a: [1", "line 1", id="open"),
        pytest.param("a:\n\t- b", "line 2", id="tab"),
        pytest.param("1: 2", "a key is a text", id="number as a key"),
        pytest.param("? [a]\n: b", "a key is a text", id="list as a key"),
        pytest.param("a: !!python/name:os.system x", "tag .*os.system", id="python"),
        pytest.param("a: !!binary aGVsbG8=", "tag .*binary", id="binary"),
        pytest.param("a: !!set {b}", "tag .*set", id="set"),
        pytest.param("a: !!int b", "no number", id="no int"),
        pytest.param("a: 1e999", "no number", id="infinite"),
        pytest.param(f"a: {'9' * 5000}", "no number", id="long number"),
        pytest.param("a\n---\nb", "another document", id="two documents"),
        pytest.param("a: *b", "undefined alias", id="no anchor"),
        pytest.param("&a [*a]", "contains itself", id="itself"),
        pytest.param("<<: 3", "<< takes an object", id="merged number"),
        pytest.param("a: \x01", "no YAML", id="control character"),
        pytest.param(LAUGHS, "anchors make more than 100,000", id="billion laughs"),
        pytest.param(LONG_LAUGHS, "anchors make more than 100,000", id="long laughs"),
        pytest.param(DEEP, "nested deeper than 64", id="deep"),
        pytest.param(LADDER, "nested deeper than 64", id="deep by anchors"),
    ],
)
def test_what_is_refused_says_where(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_yaml(text)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("treadle.yaml", "jobs:\n  - name: a\n    name: b", "treadle.yaml: line 3, column 5: name"),
        ("treadle.yml", "- jobs", "must be an object"),
        ("treadle.toml", "jobs = [", "treadle.toml: "),
        ("treadle.json", "{", "treadle.json: "),
        ("treadle.txt", "jobs: []", "must end with .yaml"),
    ],
)
def test_a_file_that_is_refused_is_named(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=problem):
        read_desired(path)


def test_the_three_forms_say_the_same(tmp_path: Path) -> None:
    forms = {
        "a.yaml": "schedules:\n- name: n\n  action_type: log_event\n  start_at: 2026-01-01",
        "a.json": '{"schedules": [{"name": "n", "action_type": "log_event",'
        ' "start_at": "2026-01-01"}]}',
        "a.toml": '[[schedules]]\nname = "n"\naction_type = "log_event"\nstart_at = "2026-01-01"',
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
    first, *others = [read_desired(tmp_path / name) for name in forms]
    assert first.schedules[0].fields["start_at"] == "2026-01-01"
    assert all(other == first for other in others)
