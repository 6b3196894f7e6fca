"""What can go wrong around a sandbox, as opposed to inside it (that is an `Outcome`)."""

from __future__ import annotations


class SandboxUnavailable(Exception):
    """This machine cannot run untrusted code now; the message tells its operator why and the cure.

    Never for a caller: it names programs, settings and paths of the machine.
    """
