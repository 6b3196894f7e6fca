"""How `uv` is called: its key, command line and environment (pure)."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# What uv may see of the server's environment: where packages come from and how to get there.
# Everything else, the server's secrets first of all, stays out. Whoever lets packages be built
# from source lets their build code read these too, an index's password among them.
_PASSED_ON = frozenset(
    {
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_INDEX_URL",
        "UV_EXTRA_INDEX_URL",
        "UV_INDEX_STRATEGY",
        "UV_FIND_LINKS",
        "UV_NO_INDEX",
        "UV_OFFLINE",
        "UV_EXCLUDE_NEWER",
        "UV_INSECURE_HOST",
        "UV_SYSTEM_CERTS",
        "UV_NATIVE_TLS",
        "UV_HTTP_TIMEOUT",
        "UV_HTTP_RETRIES",
        "UV_CONCURRENT_DOWNLOADS",
        "UV_CONCURRENT_BUILDS",
        "UV_CONCURRENT_INSTALLS",
        "UV_TORCH_BACKEND",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSL_CLIENT_CERT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    }
)
_INDEX_CREDENTIAL = re.compile(r"UV_INDEX_[A-Z0-9_]+_(USERNAME|PASSWORD)")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs have: environments are built for it and for no other."""

    executable: Path
    # "3.11.7", "cpython", "linux-x86_64".
    version: str
    implementation: str
    platform: str
    # The folders it is installed in.
    prefixes: tuple[Path, ...]


def current_interpreter() -> Interpreter:
    """The Python that this process runs on."""
    return Interpreter(
        executable=Path(sys.executable),
        version=".".join(str(part) for part in sys.version_info[:3]),
        implementation=sys.implementation.name,
        platform=sysconfig.get_platform(),
        prefixes=tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix)))),
    )


def environment_key(interpreter: Interpreter, requirements: Sequence[str]) -> str:
    """The same for the same Python and the same normalised requirements, in any order."""
    parts = [
        interpreter.implementation,
        interpreter.version,
        interpreter.platform,
        sorted(set(requirements)),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def install_command(
    *,
    uv: Path,
    interpreter: Interpreter,
    requirements: Sequence[str],
    target: Path,
    allow_builds: bool,
) -> list[str]:
    """The command line that installs the requirements into the folder `target`.

    A plain folder, put on the module search path as it is, costs a run nothing at its start: no
    `site`, no `.pth`, its bytecode is there already.
    """
    argv = [
        str(uv),
        "pip",
        "install",
        # A uv.toml or pyproject.toml above the cache is none of a tenant's business.
        "--no-config",
        "--no-progress",
        "--color=never",
        "--no-python-downloads",
        "--compile-bytecode",
        f"--python={interpreter.executable}",
        f"--target={target}",
    ]
    if allow_builds:
        # Build code may write where the cache is: nothing of it may be shared with what is ready.
        argv.append("--link-mode=copy")
    else:
        # Building runs the package's own code, which only a sandbox may do.
        argv += ["--link-mode=hardlink", "--only-binary=:all:"]
    return [*argv, "--", *requirements]


def install_environment(
    environ: Mapping[str, str], *, home: Path, uv_cache: Path
) -> dict[str, str]:
    """The environment variables that uv starts with; `environ` is the server's own."""
    passed = {name: value for name, value in environ.items() if _is_passed_on(name)}
    return {
        **passed,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "UV_CACHE_DIR": str(uv_cache),
    }


def readable_paths(
    environ: Mapping[str, str], *, uv: Path, interpreter: Interpreter
) -> tuple[Path, ...]:
    """What uv must be able to read besides the system's own folders."""
    certificates = (Path(environ[name]) for name in _CERTIFICATES if environ.get(name))
    return tuple(dict.fromkeys((uv, *interpreter.prefixes, *certificates)))


def _is_passed_on(name: str) -> bool:
    # Proxies are named in either letter case.
    return name.upper() in _PASSED_ON or _INDEX_CREDENTIAL.fullmatch(name) is not None
