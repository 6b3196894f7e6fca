"""What code in a sandbox reaches over the network."""

from __future__ import annotations

import os
import socket

import pytest

from sandbox.conftest import Ground

CONNECT = """
import socket

def reach(family, address):
    with socket.socket(family) as tried:
        tried.settimeout(5)
        try:
            tried.connect(address)
        except OSError as error:
            return type(error).__name__
        return "reached"

def main(port, name):
    return [
        reach(socket.AF_INET, ("127.0.0.1", port)),
        reach(socket.AF_UNIX, "\\0" + name),
    ]
"""


@pytest.mark.parametrize(
    ("network", "expected"),
    [(False, ["ConnectionRefusedError"] * 2), (True, ["reached"] * 2)],
)
async def test_the_hosts_network_is_there_only_when_allowed(
    ground: Ground, network: bool, expected: list[str]
) -> None:
    name = f"treadle-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0" + name)
        local.listen()
        port = server.getsockname()[1]
        ran = await ground.run(CONNECT, input={"port": port, "name": name}, network=network)
    assert ran.outcome.result == expected, ran.output


async def test_without_network_there_is_still_a_loopback_of_its_own(ground: Ground) -> None:
    ran = await ground.run(
        """
import socket

def main():
    with socket.create_server(("localhost", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    return [name for _, name in socket.if_nameindex()]
"""
    )
    assert ran.outcome.result == ["lo"], ran.output
