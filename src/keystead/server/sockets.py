"""Listening sockets: bound before any process is forked, so that every worker has its own and none is lost with it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from keystead.errors import ConfigError

BACKLOG = 2048
LOOPBACK = ("127.0.0.1", "::1")
_TRIES = 20
_ADVICE = {
    errno.EADDRINUSE: "; is a server running there already?  Stop it, or take another port",
    errno.EADDRNOTAVAIL: "; this machine has no such address",
    errno.EACCES: "; ports under 1024 are for root",
}


def listen(host: str, port: int, workers: int, key: str) -> tuple[int, list[list[socket.socket]]]:
    """Listen on a port for every worker.

    Args:
        host: an address or name; localhost is both loopback addresses.
        port: 0 takes one that is free on all of its addresses.
        workers: how many processes will accept; the kernel spreads connections over them.
        key: of the configuration, for the error.

    Returns:
        The port, and for each worker its sockets.

    Raises:
        ConfigError: the address is not here, or its port is taken.
    """
    addresses = _addresses(host, key)
    for attempt in range(_TRIES):
        try:
            return _listen(addresses, port, workers)
        except OSError as error:
            # A port that is free on one address may be taken on the next one: ask for another.
            if port == 0 and attempt < _TRIES - 1:
                continue
            said = f"{error.strerror}{_ADVICE.get(error.errno or 0, '')}"
            raise ConfigError(f"[server] {key}: cannot listen on {host} port {port}: {said}") from None
    raise ConfigError(f"[server] {key}: no port is free on {host}")


def close_all(sockets: Sequence[Sequence[socket.socket]]) -> None:
    """Close every socket of every worker."""
    for one in (one for each in sockets for one in each):
        one.close()


def _addresses(host: str, key: str) -> list[tuple[int, str]]:
    try:
        found = [
            info
            for name in (LOOPBACK if host == "localhost" else (host,))
            for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ]
    except OSError as error:
        raise ConfigError(f"[server] {key}: {host}: {error.strerror}") from None
    addresses: list[tuple[int, str]] = list(dict.fromkeys((family, str(at[0])) for family, _, _, _, at in found))
    if len(addresses) > 1:  # a machine without IPv6 has the name but not the address
        addresses = [one for one in addresses if _is_here(one)] or addresses
    return addresses


def _is_here(address: tuple[int, str]) -> bool:
    try:
        with socket.socket(address[0], socket.SOCK_STREAM) as probe:
            probe.bind((address[1], 0))
    except OSError:
        return False
    return True


def _listen(addresses: list[tuple[int, str]], port: int, workers: int) -> tuple[int, list[list[socket.socket]]]:
    if port and workers > 1:
        # Sockets that share a port would share it with another instance too: look whether one is there.
        close_all([[_socket(family, address, port, shared=False)] for family, address in addresses])
    sockets: list[list[socket.socket]] = []
    try:
        for _ in range(workers):
            each: list[socket.socket] = []
            sockets.append(each)
            for family, address in addresses:
                each.append(_socket(family, address, port, shared=workers > 1))
                port = port or int(each[0].getsockname()[1])
        for one in (one for each in sockets for one in each):
            one.listen(BACKLOG)
    except OSError:
        close_all(sockets)
        raise
    return port, sockets


def _socket(family: int, address: str, port: int, *, shared: bool) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, port))
    except OSError:
        one.close()
        raise
    return one
