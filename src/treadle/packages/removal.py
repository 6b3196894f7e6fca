"""Deleting folders whose content others made."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def remove_tree(folder: Path) -> None:
    """Nothing is at the path afterwards; that nothing was there before is no error.

    Another process may delete the same folder at the same time, and what a build left behind may
    have taken its own rights away. OSError when something still cannot be deleted.
    """
    _remove(folder, top=folder, tried=set())


def _remove(folder: Path, *, top: Path, tried: set[Path]) -> None:
    def try_again(call: Callable[..., Any], path: str, error: BaseException) -> None:
        target = Path(path)
        if isinstance(error, FileNotFoundError):
            return
        if not isinstance(error, PermissionError) or target in tried:
            raise error
        tried.add(target)
        # The folder that holds `top` is not being deleted: its rights are not ours to change.
        if target != top:
            target.parent.chmod(stat.S_IRWXU)
        if target.is_dir() and not target.is_symlink():
            target.chmod(stat.S_IRWXU)
            _remove(target, top=top, tried=tried)
        else:
            target.unlink(missing_ok=True)

    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=try_again)
    else:
        shutil.rmtree(folder, onerror=lambda call, path, info: try_again(call, path, info[1]))
