"""The operator's end of a sealed server's HTTPS."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystead.config import Config
from keystead.errors import ConfigError, CustodyError

ANSWER_SECONDS = 3
MOST_ANSWER_BYTES = 8192
PATIENCE_SECONDS = 5.0
PATH = "/operator/unseal"


def own_port(config: Config) -> tuple[str, int, ssl.SSLContext, bytes]:
    """Where the server of a configuration answers on this machine, how it is spoken to, and its certificate in DER.

    The certificate is compared by the caller: it must be this one, whoever issued it.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from keystead.pki.files import read_certificate

    server = config.server
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound to it
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    certificate = read_certificate(server.certificate).public_bytes(Encoding.DER)
    return anywhere.get(server.https_host, server.https_host), server.https_port, context, certificate


@dataclass(frozen=True, slots=True)
class SealedServer:
    """A server that may be sealed.

    Attributes:
        certificate: the server's, in DER, if it must be this one and no other.
    """

    host: str
    port: int
    context: ssl.SSLContext = field(repr=False)
    certificate: bytes | None = None

    @classmethod
    def local(cls, config: Config) -> SealedServer:
        """The server of a configuration, on this machine."""
        return cls(*own_port(config))

    @classmethod
    def remote(cls, address: str, ca: Path | None) -> SealedServer:
        """A server on another machine, whose certificate comes from an authority.  Raises: ConfigError."""
        host, colon, port = address.rpartition(":")
        if not colon or not host or not port.isdigit():
            raise ConfigError("--server: HOST:PORT, the port of HTTPS")
        try:
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        except ssl.SSLError as error:
            raise ConfigError(f"--ca: {error.reason}") from None
        return cls(host.strip("[]"), int(port), context)

    def ask(self, method: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask how far the ceremony is, or take part in it.

        Raises:
            CustodyError: it was refused, or no such server answers.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, found = self._exchange(method, body)
                break
            except ConnectionRefusedError as error:  # one that seals itself is away for a moment
                if time.monotonic() > deadline:
                    raise CustodyError(
                        f"no server answers at {self.host}:{self.port} ({error.strerror}); start it: keystead serve"
                    ) from None
                time.sleep(0.1)
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
                raise CustodyError(
                    f"the server at {self.host}:{self.port} does not answer as it should: {why}"
                ) from None
        if status == http.HTTPStatus.NOT_FOUND:  # a server that serves has no such page
            return {"sealed": False}
        if status != http.HTTPStatus.OK:
            raise CustodyError(str(found.get("detail") or found.get("title") or "refused"))
        return found

    def _exchange(self, method: str, body: Mapping[str, str] | None) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=ANSWER_SECONDS, context=self.context)
        with closing(connection):
            try:
                connection.connect()
            except (ssl.SSLEOFError, ConnectionResetError) as error:  # nothing was asked yet: it may be asked again
                raise ConnectionRefusedError(error.errno, "it ended the connection") from None
            if self.certificate is not None and connection.sock.getpeercert(True) != self.certificate:
                raise CustodyError("another server than the one of the configuration answers")
            connection.request(method, PATH, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            found = json.loads(answer.read(MOST_ANSWER_BYTES) or b"{}")
        if not isinstance(found, dict):
            raise ValueError("no such answer")
        return answer.status, found
