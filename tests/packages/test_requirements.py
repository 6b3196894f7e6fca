from __future__ import annotations

from collections.abc import Mapping

import pytest

from treadle.core.errors import BadInput
from treadle.packages.contents import Contents
from treadle.packages.requirements import (
    Requirements,
    check_python,
    normalise_requirements,
    read_requirements,
)


def make(files: Mapping[str, str], *, name: str = "package.zip") -> Contents:
    return Contents(
        name=name,
        files=tuple(sorted(files)),
        size=lambda path: len(files[path].encode()),
        _read=lambda path: files[path].encode(),
    )


def project(text: str) -> Contents:
    return make({"pyproject.toml": "[project]\n" + text})


def script(text: str) -> Contents:
    return make({"script.py": text}, name="script.py")


def test_package_without_metadata_needs_nothing() -> None:
    assert read_requirements(make({"main.py": ""})) == Requirements()
    assert read_requirements(make({"pyproject.toml": ""})) == Requirements()
    assert read_requirements(script("print(1)\n")) == Requirements()


def test_pyproject() -> None:
    found = read_requirements(
        project(
            "name = 'x'\nrequires-python = '>=3.9, <4'\n"
            "dependencies = ['Requests[Socks]>2', 'six']\n"
        )
    )

    assert found.requires_python == "<4,>=3.9"
    assert found.dependencies == ("requests[socks]>2", "six")


def test_only_the_root_pyproject_counts() -> None:
    files = {"vendored/pyproject.toml": "[project]\ndependencies = ['six']\n", "main.py": ""}
    assert read_requirements(make(files)).dependencies == ()


def test_script_block() -> None:
    found = read_requirements(
        script(
            "#!/usr/bin/env python3\n# /// script\n"
            "# requires-python = '>=3.11'\n#\n"
            "# dependencies = [\n#   'six',\n# ]\n# ///\nprint(1)\n"
        )
    )
    assert found == Requirements(requires_python=">=3.11", dependencies=("six",))


def test_script_block_with_windows_line_ends() -> None:
    text = "# /// script\r\n# dependencies = ['six']\r\n# ///\r\n"
    assert read_requirements(script(text)).dependencies == ("six",)


@pytest.mark.parametrize(
    "text",
    [
        # Never ended.
        "# /// script\n# dependencies = ['six']\n",
        "# /// script\n# dependencies = ['six']\nprint(1)\n# ///\n",
        # Another type of block.
        "# /// pyproject\n# dependencies = ['six']\n# ///\n",
        # Not at the start of a line.
        "if x:\n    # /// script\n    # dependencies = ['six']\n    # ///\n",
        "# /// script\n#dependencies = ['six']\n# ///\n",
    ],
)
def test_comments_that_are_no_block(text: str) -> None:
    assert read_requirements(script(text)).dependencies == ()


def test_last_end_before_other_lines_ends_the_block() -> None:
    text = '# /// script\n# dependencies = ["six"]\n# x = """\n# ///\n# """\n# ///\n\n# ///\n'
    assert read_requirements(script(text)).dependencies == ("six",)


def test_two_blocks_are_refused() -> None:
    block = "# /// script\n# dependencies = []\n# ///\n"
    with pytest.raises(BadInput, match="more than one metadata block"):
        read_requirements(script(block + "\n" + block))


def test_wheel_leaves_extras_out() -> None:
    metadata = (
        "Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Python: >=3.8\n"
        "Requires-Dist: idna>=2\n"
        "Requires-Dist: colorama; sys_platform == 'win32'\n"
        "Requires-Dist: pytest; extra == 'test'\n"
        "Requires-Dist: six; python_version >= '3' and extra == 'six'\n"
        "\nRequires-Dist: body\n"
    )
    files = {"x/__init__.py": "", "x-1.dist-info/METADATA": metadata}

    found = read_requirements(make(files, name="x-1-py3-none-any.whl"))

    assert found == Requirements(
        requires_python=">=3.8",
        dependencies=('colorama ; sys_platform == "win32"', "idna>=2"),
    )
    # The same files in a plain zip may be vendored ones.
    assert read_requirements(make(files)) == Requirements()


@pytest.mark.parametrize("count", [0, 2])
def test_wheel_needs_one_metadata(count: int) -> None:
    files = {f"x{number}-1.dist-info/METADATA": "Name: x\n" for number in range(count)}
    with pytest.raises(BadInput, match="exactly one"):
        read_requirements(make({**files, "x.py": ""}, name="x.whl"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dependencies = 'six'\n", "must be a list of texts"),
        ("dependencies = [1]\n", "must be a list of texts"),
        ("dependencies = ['six >']\n", "dependency 'six >' is not"),
        ("dependencies = ['']\n", "dependency '' is not"),
        ("dependencies = ['./local']\n", "'./local' is not"),
        ("dependencies = ['-r other.txt']\n", "'-r other.txt' is not"),
        ("dependencies = ['six @ file:///tmp/six']\n", "names an address or a path"),
        ("dependencies = ['six @ git+https://host/six']\n", "names an address or a path"),
        ("dependencies = ['six @ https://host/six.whl']\n", "names an address or a path"),
        (f"dependencies = ['six=={'1' * 500}']\n", "is too long"),
        (f"dependencies = ['six; {'(' * 400}']\n", "is not 'name'"),
        (f"dependencies = {[f'p{n}' for n in range(201)]}\n", "more than 200 dependencies"),
        ("dynamic = ['dependencies']\n", "dependencies cannot be dynamic"),
        ("requires-python = 3\n", "requires-python must be a short text"),
        ("requires-python = 'three'\n", "requires-python 'three' is not valid"),
    ],
)
def test_faulty_project_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        read_requirements(project(text))
    assert caught.value.message.startswith("pyproject.toml")


def test_project_that_is_no_table() -> None:
    with pytest.raises(BadInput, match=r"\[project\] must be a table"):
        read_requirements(make({"pyproject.toml": "project = 1\n"}))


def test_one_spelling_for_what_means_the_same() -> None:
    one = normalise_requirements(["Six >=1.0,<2", "zope.interface[B,a]"], where="x")
    two = normalise_requirements(
        ["zope_interface[a, b]", "six<2,>=1.0", "SIX <2 , >=1.0"], where="x"
    )

    assert one == two == ("six<2,>=1.0", "zope-interface[a,b]")


def test_name_that_could_be_a_file_is_no_file_when_spelled() -> None:
    assert normalise_requirements(["six.whl", "a.tar.gz"], where="x") == ("a-tar-gz", "six-whl")


def test_check_python() -> None:
    check_python(None, version="3.11.7")
    check_python(">=3.11", version="3.11.7")
    check_python("~=3.11.2", version="3.11.7")
    with pytest.raises(BadInput, match=r"requires Python >=3\.12, runs have Python 3\.11\.7"):
        check_python(">=3.12", version="3.11.7")
