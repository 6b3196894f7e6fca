from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from treadle.packages.uv_command import (
    Interpreter,
    current_interpreter,
    environment_key,
    install_command,
    install_environment,
    readable_paths,
)

PYTHON = Interpreter(
    executable=Path("/opt/python/bin/python3"),
    version="3.11.7",
    implementation="cpython",
    platform="linux-x86_64",
    prefixes=(Path("/opt/venv"), Path("/opt/python")),
)
SIX = ("idna>=2", "six")


def test_key_is_the_same_for_the_same_set() -> None:
    key = environment_key(PYTHON, SIX)

    assert key == environment_key(PYTHON, ("six", "idna>=2", "six"))
    assert len(key) == 64
    # Fixed, or every environment would be installed again after an update of the server.
    assert key == "67989cee8f131d39c46fd90e027037c58a31436e4ddf7f4ad3b53eb001f7392a"


@pytest.mark.parametrize(
    "other",
    [
        replace(PYTHON, version="3.11.8"),
        replace(PYTHON, implementation="pypy"),
        replace(PYTHON, platform="linux-aarch64"),
    ],
)
def test_key_differs_for_another_python(other: Interpreter) -> None:
    assert environment_key(PYTHON, SIX) != environment_key(other, SIX)


def test_key_differs_for_other_requirements() -> None:
    keys = {environment_key(PYTHON, texts) for texts in (SIX, ("six",), ("six", "idna"))}
    assert len(keys) == 3


@pytest.mark.parametrize("allow_builds", [False, True])
def test_command(allow_builds: bool) -> None:
    argv = install_command(
        uv=Path("/bin/uv"),
        interpreter=PYTHON,
        requirements=SIX,
        target=Path("/work/site"),
        allow_builds=allow_builds,
    )

    assert argv[:3] == ["/bin/uv", "pip", "install"]
    assert argv[-3:] == ["--", *SIX]
    assert "--no-config" in argv
    assert "--python=/opt/python/bin/python3" in argv
    assert "--target=/work/site" in argv
    assert ("--only-binary=:all:" in argv) is not allow_builds
    assert ("--link-mode=copy" in argv) is allow_builds


def test_environment_holds_nothing_of_the_server() -> None:
    server = {
        "TREADLE_DATABASE_URL": "postgresql://secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PATH": "/somewhere",
        "HOME": "/root",
        "LD_PRELOAD": "evil.so",
        "PYTHONPATH": "/src",
        "VIRTUAL_ENV": "/venv",
        "UV_PUBLISH_TOKEN": "secret",
        "UV_CONFIG_FILE": "/etc/uv.toml",
        "UV_CACHE_DIR": "/root/.cache/uv",
    }

    assert install_environment(server, home=Path("/w/home"), uv_cache=Path("/w/cache")) == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/w/home",
        "TMPDIR": "/w/home",
        "UV_CACHE_DIR": "/w/cache",
    }


def test_environment_passes_on_where_packages_come_from() -> None:
    server = {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_INDEX_INTERNAL_PASSWORD": "for-the-index",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/etc/ssl/ca.pem",
    }
    made = install_environment(server, home=Path("/h"), uv_cache=Path("/c"))

    assert {name: made.get(name) for name in server} == server


def test_readable_paths() -> None:
    assert readable_paths(
        {"SSL_CERT_FILE": "/etc/ssl/ca.pem", "SSL_CERT_DIR": ""},
        uv=Path("/opt/venv/bin/uv"),
        interpreter=PYTHON,
    ) == (
        Path("/opt/venv/bin/uv"),
        Path("/opt/venv"),
        Path("/opt/python"),
        Path("/etc/ssl/ca.pem"),
    )


def test_current_interpreter_is_the_one_that_runs() -> None:
    python = current_interpreter()

    assert python.executable.is_file()
    assert python.version.count(".") == 2
    assert all(prefix.is_dir() for prefix in python.prefixes)
