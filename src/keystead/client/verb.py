"""How one verb becomes a method of both clients: blocking on one, awaited on the other, typed on each.

in verbs.py        create(algorithm, length) -> Talk[str]
on Client          client.create("AES", 256) -> str
on AsyncClient     client.create("AES", 256) -> Coroutine[Any, Any, str]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from keystead.client.session import Session, Talk
from keystead.client.settings import KMIP_PORT, Settings, servers_of, version_of
from keystead.kmip.version import Version

P = ParamSpec("P")
T = TypeVar("T")


class Endpoint(ABC):
    """What both clients are: settings, a session, and no connection until it is needed.

    Args:
        host: of the server; or several, tried in order, each with or without ":port".
        port: where the host names none.
        ca: PEM file of the authorities that vouch for the servers; None means those of the operating system.
        certificate, private_key: PEM files of the client.
        version: such as "1.4"; None means the newest that both sides speak.
        settings: everything at once, in place of all other arguments.
        more: the other attributes of `Settings`.

    Raises:
        ConfigError: names the argument that is wrong, or the file that cannot be used.
    """

    def __init__(
        self,
        host: str | Sequence[str] = "localhost",
        port: int = KMIP_PORT,
        *,
        ca: str | None = None,
        certificate: str | None = None,
        private_key: str | None = None,
        username: str | None = None,
        password: str | None = None,
        version: Version | str | None = None,
        settings: Settings | None = None,
        **more: Any,
    ) -> None:
        self.settings = settings or Settings(
            servers=servers_of(host, port),
            ca=ca,
            certificate=certificate,
            private_key=private_key,
            username=username,
            password=password,
            version=version_of(version),
            **more,
        )
        self.session = Session(self.settings)
        self._tls = self.settings.tls()
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Be without a connection."""

    @classmethod
    def from_environment(cls, profile: str | None = None) -> Self:
        """Make a client of KEYSTEAD_SERVER, KEYSTEAD_CA, KEYSTEAD_CERT, KEYSTEAD_KEY, or of a profile file."""
        return cls(settings=Settings.load(profile))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.settings.servers))})"


class Blocking(Endpoint):
    """A client that waits for the answer."""

    @abstractmethod
    def perform(self, talk: Talk[T]) -> T:
        """Carry on a talk and return its result."""


class Awaited(Endpoint):
    """A client whose answers are awaited."""

    @abstractmethod
    async def perform(self, talk: Talk[T]) -> T:
        """Carry on a talk and return its result."""


class Verb(Generic[P, T]):
    """A function that makes a talk, as a method of whatever client holds it."""

    def __init__(self, talk: Callable[P, Talk[T]]) -> None:
        self._talk = talk
        self.__doc__ = talk.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Verb[P, T]: ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaited, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Blocking | Awaited | None, owner: type) -> Any:
        if client is None:
            return self

        @wraps(self._talk)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.perform(self._talk(*args, **kwargs))

        return method
