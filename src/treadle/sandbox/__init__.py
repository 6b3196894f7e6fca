"""Runs one untrusted package, and lets it see and break nothing but its own two folders.

    outcome = await run(command, limits, on_output=append_to_log, stop=stop_requested)

The walls, from the outside in. bubblewrap (`bwrap`) builds them, `arguments` is their plan:

- **Files.** An empty root with, read-only: /usr (and what links to it), the interpreter, the
  package (/package), its installed modules (/environment), a handful of files of /etc (no
  passwords, no keys, only with the network the certificates and resolver). Writable: /work (the
  current folder, HOME), /output and a /tmp in memory (/dev/shm is the same). No home, no data
  folder, no socket, no /sys, no terminal.
- **Processes.** Its own process, IPC, host name, cgroup and (without `network`) network namespace:
  no process of the host exists in there, nor a unix socket, abstract ones included. Everything in
  it dies when the main process ends, when it is stopped, and when the server dies, even by kill -9.
- **Rights.** A server that runs as root gives every run a user of its own (`privileges`), without
  any capability; an ordinary user's server makes a user namespace, in which the run has none
  either. No new privileges, ever: set-user-id programs do nothing.
- **Kernel.** A filter of system calls (`seccomp`): no namespaces, mounts, tracing, keyrings, BPF,
  io_uring, foreign architectures; no memory that cannot be counted.
- **Amounts.** By the kernel, for each process: private memory, file size, open files, processor
  time; for the run: processes. By the watcher (`watch`), five times a second for the whole: memory
  with /tmp, processes, processor time, disk with unnamed files, number of files. The wall clock and
  `stop`: SIGTERM, a grace, SIGKILL.
- **Words.** The server's environment is not inherited, nor is any descriptor. Orders, secrets
  included, come over a socket, not on a command line. Output is one pipe with back-pressure; the
  result comes over the socket, bounded, whose messages the kernel stamps with their sender
  (`control`). What is left in the folders is taken without following a link (`output`), and removed
  so (`remove_folder`).

What they do not hold back:

- With `network`, a run shares the host's network: also what listens on the host's loopback
  addresses and abstract sockets, and a cloud's metadata address. Give it to trusted jobs only, or
  run workers on a machine where nothing else listens. Without it there is only a loopback of its
  own.
- The watcher looks every 0.2 s. In between, several processes together can pass the limit of memory
  or disk by what they can touch in that time, each of them never beyond its own limit. Kernel
  memory (socket buffers, pages of page tables) is bounded only by the limits of files and
  processes.
- A bug of the kernel. Where that matters, give workers a machine of their own.
"""

from treadle.sandbox.check import SandboxReport, check
from treadle.sandbox.errors import SandboxUnavailable
from treadle.sandbox.folders import remove_folder
from treadle.sandbox.interpreter import server_python
from treadle.sandbox.model import (
    Command,
    Entry,
    FunctionEntry,
    Limits,
    Outcome,
    PythonFile,
    Reason,
    ShellFile,
)
from treadle.sandbox.output import Output, OutputFile, collect_output, open_output
from treadle.sandbox.runner import GRACE_SECONDS, OnOutput, run

__all__ = [
    "GRACE_SECONDS",
    "Command",
    "Entry",
    "FunctionEntry",
    "Limits",
    "OnOutput",
    "Outcome",
    "Output",
    "OutputFile",
    "PythonFile",
    "Reason",
    "SandboxReport",
    "SandboxUnavailable",
    "ShellFile",
    "check",
    "collect_output",
    "open_output",
    "remove_folder",
    "run",
    "server_python",
]
