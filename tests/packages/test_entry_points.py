from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from packages.samples import SAMPLE_PACKAGE
from treadle.core.errors import BadInput
from treadle.packages.contents import Contents, folder_contents
from treadle.packages.entry_points import (
    MAX_LISTED,
    EntryPoint,
    default_entry_point,
    list_entry_points,
    resolve,
)

F = "def f(): pass\n"


def make(files: Mapping[str, str], *, name: str = "package.zip") -> Contents:
    """The contents of a package, from text alone."""
    return Contents(
        name=name,
        files=tuple(sorted(files)),
        size=lambda path: len(files[path].encode()),
        _read=lambda path: files[path].encode(),
    )


def script(source: str, *, name: str = "script.py") -> Contents:
    return make({name: source}, name=name)


def function(module: str, name: str, path: str, *roots: str) -> EntryPoint:
    return EntryPoint(
        kind="function", module=module, function=name, path=path, import_roots=roots or ("",)
    )


# Functions


@pytest.mark.parametrize("text", ["integrateXYZ.process", "integrateXYZ:process"])
def test_function_of_the_tutorials_package(text: str) -> None:
    assert resolve(text, make(SAMPLE_PACKAGE)) == function(
        "integrateXYZ", "process", "integrateXYZ.py"
    )


@pytest.mark.parametrize(
    ("text", "module", "path"),
    [
        ("pkg.mod.f", "pkg.mod", "pkg/mod.py"),
        ("pkg.mod:f", "pkg.mod", "pkg/mod.py"),
        ("pkg.f", "pkg", "pkg/__init__.py"),
        ("space.inner.f", "space.inner", "space/inner.py"),
        ("  pkg.f  ", "pkg", "pkg/__init__.py"),
    ],
)
def test_function_in_packages(text: str, module: str, path: str) -> None:
    contents = make({"pkg/__init__.py": F, "pkg/mod.py": F, "space/inner.py": F})

    assert resolve(text, contents) == function(module, "f", path)


def test_package_hides_the_module_of_its_name() -> None:
    contents = make({"a/__init__.py": F, "a.py": "def g(): pass\n"})

    assert resolve("a.f", contents).path == "a/__init__.py"
    with pytest.raises(BadInput):
        resolve("a.g", contents)


def test_src_layout() -> None:
    files = {"pyproject.toml": "", "src/pkg/__init__.py": "", "src/pkg/run.py": F, "tool.py": F}
    contents = make(files)

    assert resolve("pkg.run.f", contents) == function("pkg.run", "f", "src/pkg/run.py", "src", "")
    assert resolve("tool.f", contents) == function("tool", "f", "tool.py", "src", "")
    assert list_entry_points(contents) == ("tool.f", "pkg.run.f")


def test_folder_src_without_a_pyproject_is_a_folder_like_any_other() -> None:
    contents = make({"src/run.py": F})

    assert resolve("src.run.f", contents) == function("src.run", "f", "src/run.py")
    with pytest.raises(BadInput):
        resolve("run.f", contents)


@pytest.mark.parametrize(
    "source",
    [
        "async def f(): pass\n",
        "if True:\n    def f(): pass\n",
        "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    def f(): pass\n",
        "try:\n    import x\nexcept ImportError:\n    def f(): pass\n",
        "with x:\n    def f(): pass\n",
        "from inner import f\n",
        "from inner import g as f\n",
        "import inner as f\n",
        "f = partial(g)\n",
        "f: object = g\n",
        "from inner import *\n",
        "def __getattr__(name): ...\n",
    ],
)
def test_names_that_may_be_functions_are_taken(source: str) -> None:
    assert resolve("m.f", make({"m.py": source})).function == "f"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def g():\n    def f(): pass\n",
        "class C:\n    def f(self): pass\n",
        "f: int\n",
        "# def f(): pass\n",
        '"""\ndef f(): pass\n"""\n',
    ],
)
def test_names_that_are_not_at_the_top_are_not(source: str) -> None:
    with pytest.raises(BadInput, match=r"'m\.py' has no function 'f'"):
        resolve("m.f", make({"m.py": source}))


def test_class_is_refused_as_such() -> None:
    with pytest.raises(BadInput, match="is a class: an entry point is a function"):
        resolve("m.f", make({"m.py": "class f: pass\n"}))


def test_missing_function_names_those_there_are() -> None:
    with pytest.raises(BadInput) as caught:
        resolve("integrateXYZ.proces", make(SAMPLE_PACKAGE))

    assert caught.value.message == ("'integrateXYZ.py' has no function 'proces' (it has 'process')")
    assert caught.value.field == "entryPoint"


def test_missing_module_names_those_there_are() -> None:
    files = {f"m{number:02}.py": F for number in range(12)}
    with pytest.raises(BadInput) as caught:
        resolve("nope.f", make(files))

    names = ", ".join(f"'m{number:02}'" for number in range(10))
    assert caught.value.message == f"the package has no module 'nope' (it has {names}, …)"


def test_missing_module_in_a_package_without_code() -> None:
    with pytest.raises(BadInput, match=r"no module 'nope' \(it has none\)"):
        resolve("nope.f", make({"data.json": "{}"}))


@pytest.mark.parametrize(
    "text", ["process", "m.", ".f", "m.class", "m:", ":f", "m.f()", "m f", "a b.f", "m:C.f", "1.f"]
)
def test_text_that_is_no_entry_point(text: str) -> None:
    with pytest.raises(BadInput, match=r"is no entry point|has no module"):
        resolve(text, make({"m.py": F}))


@pytest.mark.parametrize("text", ["", "   ", "m.f\n\0", "m." + "f" * 1_100])
def test_text_that_is_empty_or_unprintable(text: str) -> None:
    with pytest.raises(BadInput, match="empty, too long or has control characters"):
        resolve(text, make({"m.py": F}))


def test_broken_module_is_refused_with_its_line() -> None:
    with pytest.raises(BadInput, match=r"'m\.py' has a syntax error in line 2"):
        resolve("m.f", make({"m.py": "x = 1\ndef f(:\n"}))


@pytest.mark.parametrize(
    "source",
    ["-" * 100_000 + "1", "a" + ".b" * 50_000, "+".join("1" * 50_000), "x = '\\d'\n", "a\0b"],
)
def test_hostile_module_is_refused_or_read(source: str) -> None:
    with pytest.raises(BadInput):
        resolve("m.f", make({"m.py": source}))


def test_warnings_about_foreign_code_are_not_ours() -> None:
    assert resolve("m.f", make({"m.py": "x = '\\d'\n1 is 1\n" + F})).function == "f"


def test_function_of_a_module_too_large_to_parse_is_taken_on_trust() -> None:
    contents = make({"m.py": "x = 1\n" * 30_000})

    assert resolve("m.f", contents).function == "f"
    assert list_entry_points(contents) == ()


# Files


@pytest.mark.parametrize(
    ("text", "kind", "path", "roots"),
    [
        ("main.py", "python_file", "main.py", ("",)),
        ("./main.py", "python_file", "main.py", ("",)),
        ("jobs/nightly.py", "python_file", "jobs/nightly.py", ("jobs", "")),
        ("bin/run.sh", "shell_file", "bin/run.sh", ("",)),
        ("run.sh", "shell_file", "run.sh", ("",)),
    ],
)
def test_file_of_the_archive(text: str, kind: str, path: str, roots: tuple[str, ...]) -> None:
    contents = make({"main.py": "", "jobs/nightly.py": "", "bin/run.sh": "", "run.sh": ""})

    assert resolve(text, contents) == EntryPoint(kind=kind, path=path, import_roots=roots)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("text", ["nope.py", "bin/nope.sh", "bin/run", "../main.py", "/main.py"])
def test_missing_file_names_those_there_are(text: str) -> None:
    with pytest.raises(BadInput, match=r"no file .* \(it has 'bin/run.sh', 'main.py'\)"):
        resolve(text, make({"main.py": "", "bin/run.sh": "", "bin/run": "", "data.json": ""}))


def test_name_of_a_file_that_is_no_program() -> None:
    with pytest.raises(BadInput, match="has no module 'data'"):
        resolve("data.json", make({"data.json": "{}"}))


def test_function_that_looks_like_a_file() -> None:
    assert resolve("deploy.sh", make({"deploy.py": "def sh(): pass\n"})) == function(
        "deploy", "sh", "deploy.py"
    )


# Without an entry point


def test_manifest_comes_first() -> None:
    files = {
        "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\nMAIN-PROCESS: a.f\n\nName: x\n",
        "pyproject.toml": "[tool.treadle]\nentrypoint = 'b.f'\n",
        "__main__.py": "",
        "a.py": F,
        "b.py": F,
    }
    assert default_entry_point(make(files)) == "a.f"
    assert resolve(None, make(files)).path == "a.py"
    del files["META-INF/MANIFEST.MF"]
    assert resolve(None, make(files)).path == "b.py"
    del files["pyproject.toml"]
    assert resolve(None, make(files)) == EntryPoint(
        kind="python_file", path="__main__.py", import_roots=("",)
    )
    del files["__main__.py"]
    assert default_entry_point(make(files)) is None
    with pytest.raises(BadInput, match="names no entry point and has no __main__"):
        resolve(None, make(files))


def test_manifest_without_the_attribute_is_passed_over() -> None:
    files = {"META-INF/MANIFEST.MF": "Created-By: 1.8\n", "__main__.py": ""}
    assert default_entry_point(make(files)) == "__main__.py"


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("Main-Process: nope.f\n", "no module 'nope'"),
        ("no attribute\n", "a line that is not 'Name: value'"),
    ],
)
def test_faulty_manifest_is_refused(manifest: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        default_entry_point(make({"META-INF/MANIFEST.MF": manifest, "a.py": F}))


@pytest.mark.parametrize(
    ("pyproject", "reason"),
    [
        ("[tool.treadle]\nentrypoint = 3\n", "entrypoint must be a text"),
        ("[tool.treadle]\nentrypoint = ' '\n", "entrypoint must be a text"),
        ("[tool]\ntreadle = 3\n", r"\[tool.treadle\] must be a table"),
        ("tool = 3\n", r"\[tool\] must be a table"),
        ("[tool.treadle]\nentrypoint = 'nope.py'\n", "no file 'nope.py'"),
    ],
)
def test_faulty_pyproject_is_refused(pyproject: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        default_entry_point(make({"pyproject.toml": pyproject, "a.py": F}))


# A single source file


@pytest.mark.parametrize("text", [None, "script.py", "./script.py"])
def test_source_file_runs_itself(text: str | None) -> None:
    assert resolve(text, script(F)) == EntryPoint(
        kind="python_file", path="script.py", import_roots=("",)
    )


@pytest.mark.parametrize("text", ["f", "script.f", "script:f", ":f"])
def test_function_of_a_source_file(text: str) -> None:
    assert resolve(text, script(F)) == function("script", "f", "script.py")


def test_source_file_whose_name_is_no_identifier() -> None:
    contents = script(F, name="my-script.v2.py")

    assert resolve("my-script.v2.f", contents) == function("my-script.v2", "f", "my-script.v2.py")
    assert list_entry_points(contents) == ("my-script.v2.py", "my-script.v2.f")


@pytest.mark.parametrize("text", ["g", "script.g", "other.f", "other.py"])
def test_what_a_source_file_does_not_have(text: str) -> None:
    with pytest.raises(BadInput):
        resolve(text, script(F))


# Listing


def test_list_names_functions_programs_and_scripts() -> None:
    contents = make(
        {
            "__main__.py": "def main(): pass\n",
            "b.py": "def z(): pass\nasync def a(): pass\ndef _hidden(): pass\nclass C: pass\n",
            "bin/run.sh": "",
            "bin/tool.py": "if __name__ == '__main__':\n    pass\n",
            "broken.py": "def f(:\n",
            "my-module.py": F,
            "pkg/__init__.py": F,
            "pkg/__main__.py": "",
            "readme.txt": "",
        }
    )

    assert list_entry_points(contents) == (
        "__main__.py",
        "b.z",
        "b.a",
        "bin/run.sh",
        "bin/tool.py",
        "pkg.f",
    )


def test_list_is_bounded() -> None:
    many = "".join(f"def f{number}(): pass\n" for number in range(700))
    contents = make({"a.py": many, "b.py": many})

    listed = list_entry_points(contents)
    assert len(listed) == MAX_LISTED
    assert listed[0] == "a.f0"


def test_list_parses_a_bounded_amount() -> None:
    big = F + "x = 1\n" * 20_000
    contents = make({f"m{number:02}.py": big for number in range(20)})

    assert list_entry_points(contents) == tuple(f"m{number:02}.f" for number in range(8))


def test_every_listed_entry_point_resolves() -> None:
    contents = make(
        {
            "pyproject.toml": "",
            "__main__.py": "",
            "src/pkg/__init__.py": F,
            "src/pkg/deep/mod.py": F + "if __name__ == '__main__': f()\n",
            "tool.py": F,
            "run.sh": "",
        }
    )

    listed = list_entry_points(contents)
    assert len(listed) == 6
    for text in listed:
        assert resolve(text, contents).path in contents.files


def test_unpacked_folder_has_the_same_entry_points(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "mod.py").write_text(F)
    (tmp_path / "run.sh").write_text("echo\n")
    contents = folder_contents(tmp_path, name="package.zip")

    assert contents.files == ("pkg/mod.py", "run.sh")
    assert list_entry_points(contents) == ("run.sh", "pkg.mod.f")
    assert resolve("pkg.mod.f", contents) == function("pkg.mod", "f", "pkg/mod.py")
