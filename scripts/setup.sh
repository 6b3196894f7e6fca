#!/bin/sh
# Makes .venv ready: everything that `uv.lock` pins, the sandbox that runs need, the web console.
# With `--tests` also the browser in which the console is tested, and what plays the Postman
# collection.
# Says what it does and, where it can't go on, what to install and how. Safe to run again.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
stop() { printf '\n\033[1;31mTreadle can not be set up:\033[0m %s\n\n' "$1" >&2; shift
         for line in "$@"; do printf '    %s\n' "$line" >&2; done; printf '\n' >&2; exit 1; }

# Installs a Debian package where we may; otherwise returns 1.
debian_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    say "Installing the system package(s) $* with apt-get"
    DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 update -qq >/dev/null &&
        DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -y -qq "$@" >/dev/null
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
           "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"; return 0
        fi
    done
    return 1
}

[ "$(uname -s)" = Linux ] || stop "it runs on Linux; this is $(uname -s)." \
    "The sandbox that runs uploaded code needs Linux namespaces. A Linux VM or container works."

python=$(find_python) || stop "Python 3.11 or later is missing." \
    "Debian, Ubuntu:  sudo apt-get install python3 python3-venv" \
    "Fedora:          sudo dnf install python3" \
    "Alpine:          sudo apk add python3"

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
    say "Making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 || {
        rm -rf .venv
        debian_install python3-venv && "$python" -m venv .venv >/dev/null
    } || stop "Python's venv module is missing." \
        "Debian, Ubuntu:  sudo apt-get install python3-venv"
fi

# The version of uv that the lock file pins is the one that reads it.
uv_version=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' uv.lock)
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    say "Fetching uv $uv_version"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version" ||
        stop "uv $uv_version could not be fetched." "Is the package index reachable from here?"
fi

say "Installing what uv.lock pins"
sync() { UV_PROJECT_ENVIRONMENT=.venv .venv/bin/uv sync --frozen --quiet "$@"; }
# Behind a proxy with certificates of its own, only the system's store knows them.
sync 2>/dev/null || sync --system-certs ||
    stop "the libraries could not be installed." "Is the package index reachable from here?"

if ! command -v bwrap >/dev/null 2>&1; then
    debian_install bubblewrap || stop "bubblewrap (bwrap) is missing: the sandbox for uploaded code." \
        "Debian, Ubuntu:  sudo apt-get install bubblewrap" \
        "Fedora:          sudo dnf install bubblewrap" \
        "Alpine:          sudo apk add bubblewrap" \
        "Arch:            sudo pacman -S bubblewrap" \
        "Then run the same command again."
fi
# Built with the Node.js that uv.lock pins, and only if something of it has changed.
.venv/bin/python scripts/console.py build ||
    stop "the web console could not be built." "Is the npm registry reachable from here?"

# Chromium without what draws windows takes less of the machine.
have_browser() {
    for name in chromium-headless-shell chromium chromium-browser; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}
if [ "${1:-}" = --tests ] && ! have_browser; then
    debian_install chromium-headless-shell || debian_install chromium ||
        stop "Chromium is missing: the console is tested in it." \
        "Debian:          sudo apt-get install chromium-headless-shell" \
        "Fedora:          sudo dnf install chromium" \
        "Alpine:          sudo apk add chromium" \
        "Arch:            sudo pacman -S chromium" \
        "Then run the same command again."
fi
if [ "${1:-}" = --tests ]; then
    .venv/bin/python scripts/newman.py ||
        stop "Newman could not be fetched." "Is the npm registry reachable from here?"
fi
say "Ready: .venv/bin/treadle"
