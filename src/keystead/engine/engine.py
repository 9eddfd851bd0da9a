"""Bytes in, durable answers out.

`Engine.answer` is total: whatever arrives, it gives a well-formed Response Message for each message, raises nothing and
leaves no transaction open.  No answer leaves before what it tells of, and the event that records it, are durable.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeVar

from keystead.config import Config
from keystead.custody import RootOfTrust
from keystead.custody.anchor import Anchor
from keystead.custody.keks import open_keks
from keystead.custody.zones import Vault
from keystead.engine import (
    asynchronous,
    authentication,
    extensions,
    graves,
    identities,
    notices,
    outputs,
    people,
    preparing,
    rotation,
    standing,
    storage,
    streams,
    waiting,
)
from keystead.engine import operations as _operations  # noqa: F401 - enters the handlers
from keystead.engine.accounts import Accounts
from keystead.engine.answers import Answers, record
from keystead.engine.cache import Cache
from keystead.engine.context import Context, Identifiers, Turn
from keystead.engine.endpoints import Endpoint
from keystead.engine.guard import GuardedStore
from keystead.engine.handlers import HANDLERS
from keystead.engine.integrity import Sweeper
from keystead.engine.ledger import PARTS
from keystead.engine.refusals import alone, check_batch, defect, failed, of_codec, refuse, whole
from keystead.engine.tokens import OwnLibrary, Token, open_token
from keystead.errors import (
    CodecError,
    Conflict,
    CustodyError,
    KeysteadError,
    OperationFailed,
    Pending,
    StoreError,
    TamperError,
)
from keystead.kmip import encodings
from keystead.kmip.enums import BatchErrorContinuationOption, Operation, ResultReason, ResultStatus
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    Unreadable,
    load_request,
)
from keystead.kmip.payloads import REQUESTS, Request, Response
from keystead.kmip.version import Version
from keystead.pki.ca import Authority
from keystead.pki.issue import Rules
from keystead.policy.access import ANYONE, Caller
from keystead.policy.algorithms import DEFAULT, SETS
from keystead.store import Store, Transaction
from keystead.store import open as open_store

log = logging.getLogger("keystead.engine")

T = TypeVar("T")

MAXIMUM_RETRIES: Final = 5
_STOP, _CONTINUE, _UNDO = (
    BatchErrorContinuationOption.STOP,
    BatchErrorContinuationOption.CONTINUE,
    BatchErrorContinuationOption.UNDO,
)
_SUCCESS, _FAILED = ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED
OVERDUE: Final = OperationFailed(ResultReason.SERVER_LIMIT_EXCEEDED, "the server is too busy; try again later")
OUT_OF_SERVICE: Final = OperationFailed(
    ResultReason.GENERAL_FAILURE, "the server cannot keep a record of this now; try again"
)


class Incoming(NamedTuple):
    """A whole message and who sent it.

    Attributes:
        overdue: it has waited too long for its turn, and is refused.
        prepared: results of the slow work in it, from `Engine.prepare`.
    """

    message: bytes
    caller: Caller
    encoding: str = "ttlv"
    overdue: bool = False
    prepared: preparing.Results | None = None

    def __repr__(self) -> str:
        return f"<{len(self.message)} bytes of {self.encoding} from {self.caller.name}>"  # what they say is a secret


class _Undo(Exception):
    """Takes a batch back: never leaves this module."""


class Engine:
    """Answers messages.

    Args:
        clock: POSIX time in seconds; tests move it.
        anchor: where it is noted how far the database has come; None for one that nobody can put back.
    """

    def __init__(
        self, store: Store, vault: Vault, clock: Callable[[], float] = time.time, anchor: Anchor | None = None
    ) -> None:
        self.store = GuardedStore(store, vault, anchor)
        self.vault = vault
        self.clock: Callable[[], float] = lambda: max(0.0, clock())  # KMIP writes no date before 1970
        self.identifiers = Identifiers()
        self.cache = Cache()
        self.loaded_keys: dict[Any, Any] = {}
        self.streams: dict[bytes, streams.Stream] = {}
        self.rehearsals: dict[str, Future[preparing.Results]] = {}
        self.process_compromised = False
        self.enrol_unknown_users = self.interop = False  # for test servers
        self.verified: dict[bytes, int] = {}
        self.pepper = secrets.token_bytes(32)
        self.algorithms = DEFAULT
        self.authority: Authority | None = None
        self.issuing: Rules | None = None
        self.token: Token = OwnLibrary()
        self.endpoints: tuple[int, Mapping[str, Endpoint]] = (-1, {})
        self.sweeper = Sweeper(self, None)
        self.shredder = graves.Shredder(self)
        self._refreshed = 0
        self._epoch: object = None
        self._turning = threading.Lock()
        self._answers = Answers()

    @classmethod
    def open(cls, config: Config, root: RootOfTrust) -> Engine:
        """Open the store and the vault that a configuration names.

        Raises:
            ConfigError, StoreError, TamperError, CustodyError.
        """
        directory = config.custody.directory
        vault = Vault(root, open_keks(directory))
        engine = cls(open_store(config.store.url), vault, anchor=Anchor(directory))
        engine.sweeper = Sweeper(engine, directory)
        engine.algorithms = SETS[config.policy.algorithms]
        engine.token = open_token(config.pkcs11.module)
        return engine

    @property
    def sealed(self) -> bool:
        """Whether the root of trust is out of reach."""
        return self.vault.sealed

    @cached_property
    def workshop(self) -> ThreadPoolExecutor:
        """Threads for slow work."""
        return ThreadPoolExecutor(
            preparing.THREADS, thread_name_prefix="keystead-prepare", initializer=preparing.give_way
        )

    def start(self) -> None:
        """Look at what there is, before the first answer.  Raises: StoreError, CustodyError, TamperError."""
        self.sweeper.start()
        self.shredder.start()

    def upkeep(self) -> None:
        """Do what is due; about once a second.  Whatever becomes of one chore, the others are done."""
        chores: list[Callable[[], object]] = [lambda: self.store.upkeep(int(self.clock())), self.vault.follow]
        if not self.sealed:
            chores += [lambda: waiting.carry_out(self), self.shredder.bury, self.shredder.empty_log, self._unload]
            chores += [self.store.note, self.sweeper.beat]
        failed: Exception | None = None
        for chore in chores:
            try:
                chore()
            except TamperError as error:
                log.critical("integrity check failed", extra={"fields": {"said": str(error)}})
            except Exception as error:  # noqa: BLE001 - raised again when all were done
                failed = failed or error
        if failed is not None:
            raise failed

    def labour(self) -> bool:
        """Do a slice of what takes long, for some milliseconds; whether there is more.

        Raises:
            StoreError, CustodyError, TamperError: it goes on later.
        """
        return not self.sealed and self.sweeper.alone() and rotation.labour(self)

    def _unload(self) -> None:
        """Let go of the keys that other processes destroyed, and of what is over of operations in parts."""
        if self.vault.refreshed != self._refreshed:
            self.turn(lambda turn: None)  # which looks what may have been shredded
        used = {name for name, _ in self.loaded_keys} | {stream.unique_identifier for stream in self.streams.values()}
        if used:
            gone = self.vault.buried(used)
            for slot in [slot for slot in self.loaded_keys if slot[0] in gone]:
                del self.loaded_keys[slot]
            streams.forget(self.streams, gone, int(self.clock()))

    def deliveries(self) -> list[notices.Delivery]:
        """The messages for clients that are to be sent now.  Raises: StoreError, CustodyError, TamperError."""
        return notices.claim(self)

    def delivered(self, delivery: notices.Delivery, fault: str, *, answered: bool) -> None:
        """Note what became of one.  Raises: as `deliveries`."""
        notices.settle(self, delivery, fault, answered=answered)

    def trouble(self) -> str:
        """Why it cannot answer as it should, in words for anybody; "" if it can, or is only sealed."""
        return standing.trouble(self)

    def weakness(self) -> str:
        """What it lacks though it answers; "" if nothing."""
        return standing.weakness(self)

    def status(self) -> dict[str, Any]:
        """How things stand, for the operator."""
        return standing.status(self) | {"answered": self._answers.written}

    def close(self) -> None:
        """Let go of the store."""
        self.sweeper.close()
        if "workshop" in self.__dict__:
            self.workshop.shutdown(wait=False, cancel_futures=True)
        if not self.sealed:
            with suppress(KeysteadError):  # whoever opens it next sees that it has come further, which is no harm
                self.shredder.finish()
                self.store.note()
        self.token.close()
        self.store.close()
        self.vault.close()

    # --- clients ---

    def caller_of(self, certificate_der: bytes, address: str) -> Caller | None:
        """The enrolled client of a certificate; None if there is none, or it is disabled."""
        try:
            peer = identities.peer_of(certificate_der)
        except ValueError:
            return None
        with self.store.begin(write=False) as transaction:
            client = identities.find(transaction, peer)
            if client is not None:
                return client.caller(address)
            return people.caller_of(self._reading(transaction), peer, address)

    def standing(self, transaction: Transaction, caller: Caller) -> Caller | None:
        """A caller from before as it stands now; None if it was disabled or is gone."""
        client = identities.by_identity(transaction, caller.identity)
        if client is not None:
            return client.caller(caller.address)
        account = Accounts(transaction, self.vault, caller.domain).get(caller.identity)
        if account is None or account.disabled:
            return None
        account = people.present(self._reading(transaction), account)
        return None if account is None else account.caller(replace(caller, identity=caller.client))

    def _reading(self, transaction: Transaction) -> Turn:
        """A turn that looks at things as they are in any thread's transaction."""
        turn = Turn(self, transaction, int(self.clock() * 1_000_000))
        turn.cache = Cache()
        return turn

    def identity_epoch(self) -> int:
        """A number that changes when any client's standing does, or is in doubt."""
        with self.store.begin(write=False) as transaction:
            quarantine = 0 if self.sealed else transaction.state.quarantine
            return identities.epoch(transaction) << PARTS | quarantine

    def enroll(
        self, name: str, certificate_der: bytes, domain: str = "default", groups: tuple[str, ...] = ()
    ) -> Caller:
        """Bind a certificate to a new identity; an event of the audit.

        Raises:
            OperationFailed: Object Already Exists.
        """
        from keystead.engine.admin import Administration

        return Administration(self, domain).enroll_client(name, certificate_der, groups).caller("")

    # --- messages ---

    def answer(self, messages: Sequence[Incoming], seconds: float | None = None) -> list[bytes]:
        """Answer all that arrived in one turn, in one transaction; nothing is answered by one that is sealed.

        Args:
            messages: in the order in which they came.
            seconds: how long the turn may last; no message is begun after that.

        Returns: the answers to as many of the messages, from the first on, as were begun; to one at the least.
        """
        if self.sealed:
            return [self._out_of_service(incoming, CustodyError("sealed")) for incoming in messages]
        for _ in range(MAXIMUM_RETRIES):
            try:
                return self._answer(messages, seconds)
            except Conflict:
                self.cache.clear()
            except (StoreError, CustodyError) as error:
                return [self._out_of_service(incoming, error) for incoming in messages]
            except Exception as error:  # noqa: BLE001 - whatever it is, it becomes an answer
                if len(messages) > 1:
                    # One of them has it; the others are answered as if it were not there.
                    return [answer for incoming in messages for answer in self.answer([incoming])]
                if isinstance(error, TamperError):
                    return [self._out_of_service(messages[0], error)]
                return [self._defective(messages[0])]
        return [self._out_of_service(incoming, Conflict("too many conflicts")) for incoming in messages]

    def prepare(self, incoming: Incoming) -> Incoming:
        """The same message with the results of the slow work in it; in any thread but the one that answers."""
        try:
            message, version = load_request(encodings.to_ttlv(incoming.message, incoming.encoding))
            caller = incoming.caller
            if message.request_header.authentication is not None:
                admitted = preparing.admitted(self, caller, message.request_header)
                if admitted is None:
                    return incoming
                caller = admitted
            return incoming._replace(prepared=preparing.prepare(self, caller, version, message.batch_item))
        except KeysteadError:
            return incoming  # its turn will say what is wrong

    def turn(self, work: Callable[[Turn], T]) -> T:
        """Do work of the server's own as one transaction, in any thread, again if another one was first.

        Raises:
            StoreError, CustodyError, TamperError: nothing of it was done.
        """
        for _ in range(MAXIMUM_RETRIES):
            try:
                return self._turn(work)
            except Conflict:
                self.cache.clear()
        raise Conflict("too many conflicts")

    def _answer(self, messages: Sequence[Incoming], seconds: float | None) -> list[bytes]:
        def work(turn: Turn) -> list[bytes]:
            end = time.monotonic() + seconds if seconds is not None else math.inf
            answers: list[bytes] = []
            for incoming in messages:
                answers.append(self._message(turn, incoming))
                if time.monotonic() > end:
                    break
            return answers

        return self._turn(work)

    def _turn(self, work: Callable[[Turn], T]) -> T:
        # One turn at a time: what a turn leaves in the cache must be there before the next one reads it.
        with self._turning:
            return self._turn_alone(work)

    def _turn_alone(self, work: Callable[[Turn], T]) -> T:
        with self.store.begin() as transaction:
            epoch = self.store.epoch()
            if epoch != self._epoch or self.cache.full:
                self.cache.clear()
                self._epoch = epoch
            self.identifiers.quarantine = transaction.state.quarantine
            turn = Turn(self, transaction, int(self.clock() * 1_000_000))
            if self.vault.refreshed != self._refreshed:  # what is loaded may have been shredded
                self.loaded_keys.clear()
                streams.end_shredded(turn)
                self._refreshed = self.vault.refreshed
            result = work(turn)
            notices.post(turn)
            stones = graves.note(turn)
            transaction.append_events(turn.events)
            transaction.commit()
        streams.settle(turn)
        for unique_identifier, managed in turn.changed.items():
            if managed is None:
                self.cache.pop(unique_identifier, None)
            else:
                self.cache.keep(managed, turn.sizes[unique_identifier])
        if stones:
            self.shredder.entomb(stones)
        return result

    def _message(self, turn: Turn, incoming: Incoming) -> bytes:
        prepared = incoming.prepared
        turn.prepared = {key: list(results) for key, results in prepared.items()} if prepared else {}
        turn.weight = 0
        if incoming.overdue:
            return self._unread(turn, incoming, OVERDUE)
        try:
            message, version = load_request(encodings.to_ttlv(incoming.message, incoming.encoding))
        except CodecError as error:
            return self._unread(turn, incoming, error)
        return encodings.from_ttlv(self._whole(turn, incoming, message, version), incoming.encoding)

    def _whole(self, turn: Turn, incoming: Incoming, message: RequestMessage, version: Version) -> bytes:
        """Answer a message that could be read, in TTLV: so its Maximum Response Size counts, whatever it came in."""
        header = message.request_header
        events = len(turn.events)
        admission = self._admission(turn, incoming.caller, header)
        turn.said = admission.header
        if admission.caller is not incoming.caller:
            incoming = incoming._replace(caller=admission.caller)
        limit, too_large = header.maximum_response_size, False
        undo = header.batch_error_continuation_option is _UNDO and _changes(message)
        try:
            with turn.savepoint() if undo or (limit is not None and _changes(message)) else nullcontext():
                items = self._batch(turn, incoming, message, version, admission)
                answer = self._answers.write(turn, message, version, items)
                too_large = limit is not None and len(answer) > limit
                if too_large or (undo and items[-1].result_status is _FAILED):
                    raise _Undo
        except _Undo:
            if too_large:
                return self._too_large(turn, incoming, message, version, len(items), events)
            undone = [
                ResponseBatchItem(
                    operation=item.operation,
                    unique_batch_item_id=item.unique_batch_item_id,
                    result_status=ResultStatus.OPERATION_UNDONE,
                    response_payload=item.response_payload,
                )
                for item in items[:-1]
            ]
            for item in undone:
                record(turn, incoming.caller, version, item, (), "undone")
            return self._answers.write(turn, message, version, [*undone, items[-1]])
        return answer

    def _too_large(
        self, turn: Turn, incoming: Incoming, message: RequestMessage, version: Version, answered: int, events: int
    ) -> bytes:
        """Answer so many batch items, which were taken back, with Response Too Large; and so say their events."""
        del turn.events[events:]
        refusal = OperationFailed(ResultReason.RESPONSE_TOO_LARGE, "the response would be too large")
        items = [failed(asked, refusal, version) for asked in message.batch_item[:answered] or [None]]
        for item in items:
            record(turn, incoming.caller, version, item, ())
        return self._answers.write(turn, message, version, items)

    def _admission(self, turn: Turn, caller: Caller, header: RequestHeader) -> authentication.Admission:
        """As whom a message is answered."""
        if header.authentication is None and not caller.attests:
            return authentication.Admission(caller)
        try:
            return authentication.admit(turn, caller, header)
        except TamperError as error:
            log.critical("integrity check failed", extra={"fields": {"said": str(error)}})
            return authentication.Admission(caller, refusal=authentication.refused())
        except (StoreError, CustodyError):
            raise
        except Exception:  # noqa: BLE001  `defect` logs it
            return authentication.Admission(caller, refusal=defect())

    def _batch(
        self,
        turn: Turn,
        incoming: Incoming,
        message: RequestMessage,
        version: Version,
        admission: authentication.Admission,
    ) -> list[ResponseBatchItem]:
        try:
            check_batch(message, version)
        except OperationFailed as error:
            item = failed(None, error, version)
            record(turn, incoming.caller, version, item, ())
            return [item]
        context = Context(turn, incoming.caller, version)
        context.delegation, context.refusal = admission.delegation, admission.refusal
        context.on_wire = True
        try:
            extensions.check(message.batch_item)
        except OperationFailed as refusal:
            context.refusal = context.refusal or refusal
        if message.request_header.asynchronous_indicator is not None and admission.delegation is None:
            context.submission = waiting.Submission(message.request_header, len(message.batch_item), version)
        option = message.request_header.batch_error_continuation_option
        items = []
        for asked in message.batch_item:
            item = self._item(context, asked, version)
            # What Poll gives is the answer to another operation; the event is of this one.
            done = item if item.operation is asked.operation else replace(item, operation=asked.operation)
            record(turn, incoming.caller, version, done, context.subjects, context.note)
            items.append(item)
            if len(message.batch_item) > 1 and not outputs.is_ephemeral(asked):
                context.note_result(item, asked.operation)
            if item.result_status is _FAILED and option is not _CONTINUE:
                break
        return items

    def _item(self, context: Context, asked: RequestBatchItem, version: Version) -> ResponseBatchItem:
        context.operation = asked.operation
        context.subjects, context.note = [], ""
        try:
            payload = self.perform(context, asked.request_payload, asked)
        except OperationFailed as error:
            return failed(asked, error, version)
        except Pending as error:
            return ResponseBatchItem(
                operation=asked.operation,
                unique_batch_item_id=asked.unique_batch_item_id,
                result_status=ResultStatus.OPERATION_PENDING,
                asynchronous_correlation_value=error.correlation_value,
            )
        except CodecError as error:
            return failed(asked, of_codec(error), version)
        except (Conflict, StoreError):
            raise
        except TamperError:
            log.critical("integrity check failed", extra={"fields": {"objects": context.subjects}})
            refused = OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "the object failed its integrity check")
            return failed(asked, refused, version)
        except CustodyError:
            refused = OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "the root of trust is out of reach")
            return failed(asked, refused, version)
        except Exception:  # noqa: BLE001 - whatever it is, it becomes an answer
            return failed(asked, defect(), version)
        if isinstance(payload, asynchronous.Settled):
            return replace(payload.item, unique_batch_item_id=asked.unique_batch_item_id)
        item = ResponseBatchItem(
            operation=asked.operation,
            unique_batch_item_id=asked.unique_batch_item_id,
            result_status=_SUCCESS,
            response_payload=payload,
        )
        if asked.ephemeral is not None and outputs.is_ephemeral(asked):
            context.note_result(item, asked.operation)
            item = replace(item, response_payload=outputs.kept_back(payload, asked.ephemeral, version))
        return item

    def run(self, context: Context, asked: RequestBatchItem) -> ResponseBatchItem:
        """Do a batch item that comes from no message at hand."""
        item = self._item(context, asked, context.version)
        if not outputs.is_ephemeral(asked):
            context.note_result(item, asked.operation)
        return item

    def perform(self, context: Context, request: Request, asked: RequestBatchItem | None = None) -> Response:
        """Do one operation: the one door through which everything goes.

        Raises:
            OperationFailed: the refusal.
            Pending: it goes on.
        """
        if context.refusal is not None:
            raise context.refusal
        operation = context.operation
        if not operation.since <= context.version <= operation.until:
            raise OperationFailed(
                ResultReason.OPERATION_NOT_SUPPORTED, f"KMIP {context.version} has no operation {operation}"
            )
        row = HANDLERS.get(type(request))
        if row is None:
            if isinstance(request, Unreadable) and operation in REQUESTS and REQUESTS[operation] in HANDLERS:
                raise of_codec(request.error)
            raise OperationFailed(ResultReason.OPERATION_NOT_SUPPORTED, f"{operation} is not supported")
        if asked is not None:
            for extension in asked.message_extension:
                extensions.apply(context, extension)
        if not context.caller.identity and operation not in ANYONE:
            raise OperationFailed(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "this client is not enrolled")
        if context.delegation is not None:
            context.delegation.begin(operation)
        if row.keeps:
            storage.check(request, row.keeps)
        submission = context.submission
        if submission is not None and asked is not None and submission.waits(operation):
            raise Pending(waiting.submit(context, submission, asked))
        if row.takes_data and isinstance(data := request.data, int):  # type: ignore[attr-defined]
            request = replace(request, data=outputs.named(context.outputs, data))  # type: ignore[type-var]
        placeholder, touched = context.placeholder, len(context.turn.touched)
        try:
            if not row.changes and context.delegation is None:
                return row.handler(context, request)
            with context.turn.savepoint():
                answer = row.handler(context, request)
                if context.delegation is not None:
                    context.delegation.charge(request)
                return answer
        except BaseException:
            if context.placeholder is not None:  # a Check that fails empties it
                context.placeholder = placeholder
            context.turn.end_streams(touched)
            raise

    # --- answers ---

    def _unread(self, turn: Turn, incoming: Incoming, error: OperationFailed | CodecError) -> bytes:
        """Refuse a message as a whole."""
        version, item = whole(incoming, error)
        record(turn, incoming.caller, version, item, ())
        return alone(item, version, turn.now, incoming.encoding)

    def _out_of_service(self, incoming: Incoming, error: Exception) -> bytes:
        log.error("out of service", extra={"fields": {"error": type(error).__name__, "said": str(error)}})
        return refuse(incoming, OUT_OF_SERVICE, int(self.clock()))

    def _defective(self, incoming: Incoming) -> bytes:
        """The answer to a message that a defect keeps from being answered, and its event."""
        refusal = defect()
        try:
            return self.turn(lambda turn: self._unread(turn, incoming, refusal))
        except Exception as error:  # noqa: BLE001 - there is no memory, or no disk: no event, and so it is said
            return self._out_of_service(incoming, error)

    # --- the audit ---

    def record(self, context: Context, item: ResponseBatchItem, note: str) -> None:
        """Add the event of a batch item that comes from no message at hand."""
        said = f"{note}: {item.result_message}" if item.result_message else note
        record(context.turn, context.caller, context.version, item, context.subjects, said)


def _changes(message: RequestMessage) -> bool:
    """Whether anything of a message may change something."""
    return message.request_header.asynchronous_indicator is not None or any(
        row.changes or row.marks
        for item in message.batch_item
        if (row := HANDLERS.get(type(item.request_payload))) is not None
    )


__all__ = ["Engine", "Incoming", "Operation"]
