"""Hold conversations, many at a time: what they all say next is one turn of the engine.

Asymmetric keys are registered once: conversations share them, as loading them is what costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from keystead.engine.engine import Engine, Incoming
from keystead.kmip.enums import ObjectType
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.version import Version
from keystead.policy.access import Caller
from tests.engine.world import request_message
from tests.vectors.talk import NotSayable, Talk

CALLER = Caller("vectors", "vectors", "default", (), "192.0.2.1")
AT_A_TIME = 32
_SHARED = (ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY)


@dataclass
class Tally:
    """What became of vectors.

    Attributes:
        not_sayable: how many, by why.
        wrong: the name of a vector and what was wrong.
    """

    accepted: int = 0
    refused: int = 0
    not_sayable: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    @property
    def held(self) -> int:
        return self.accepted + self.refused + len(self.wrong)

    def add(self, other: Tally) -> None:
        self.accepted += other.accepted
        self.refused += other.refused
        self.not_sayable += other.not_sayable
        self.wrong += other.wrong


@dataclass
class _Speaker:
    name: str
    talk: Talk
    request: Request


def hold(engine: Engine, talks: Iterable[tuple[str, Talk]], version: Version) -> Tally:
    """Hold named conversations to their ends."""
    tally, known = Tally(), dict[bytes | int, ResponseBatchItem]()
    waiting = iter(talks)
    speakers: list[_Speaker] = []
    while True:
        speakers += _begun(waiting, AT_A_TIME - len(speakers), tally)
        if not speakers:
            return tally
        messages = [request_message(speaker.request, version=version) for speaker in speakers]
        # What is shared goes by its bytes, the rest by its place.
        slots = [
            message if _is_shared(speaker.request) else number
            for number, (message, speaker) in enumerate(zip(messages, speakers, strict=True))
        ]
        sent = {slot: message for slot, message in zip(slots, messages, strict=True) if slot not in known}
        answers = engine.answer([Incoming(message, CALLER) for message in sent.values()])
        heard = {slot: load_response(answer)[0].batch_item[0] for slot, answer in zip(sent, answers, strict=True)}
        known |= {slot: item for slot, item in heard.items() if isinstance(slot, bytes)}
        speakers = [
            speaker
            for slot, speaker in zip(slots, speakers, strict=True)
            if _goes_on(speaker, heard[slot] if slot in heard else known[slot], tally)
        ]


def _is_shared(request: Request) -> bool:
    return isinstance(request, RegisterRequest) and request.object_type in _SHARED


def _begun(waiting: Iterator[tuple[str, Talk]], count: int, tally: Tally) -> list[_Speaker]:
    begun: list[_Speaker] = []
    while len(begun) < count:
        name, talk = next(waiting, (None, None))
        if name is None or talk is None:
            break
        try:
            begun.append(_Speaker(name, talk, next(talk)))
        except NotSayable as why:
            tally.not_sayable[str(why)] += 1
        except Exception as error:
            error.add_note(name)
            raise
    return begun


def _goes_on(speaker: _Speaker, item: ResponseBatchItem, tally: Tally) -> bool:
    """Tell a speaker the answer; whether it goes on."""
    try:
        speaker.request = speaker.talk.send(item)
    except StopIteration as end:
        if end.value:
            tally.accepted += 1
        else:
            tally.refused += 1
    except AssertionError as error:
        tally.wrong.append((speaker.name, str(error)))
    except NotSayable as why:
        tally.not_sayable[str(why)] += 1
    except Exception as error:
        error.add_note(speaker.name)
        raise
    else:
        return True
    return False
