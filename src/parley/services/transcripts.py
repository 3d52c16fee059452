"""What was said in a recorded call, as text beside the recording: by an OpenAI-compatible endpoint, or on this machine.

A desk without either keeps the recording and says that nothing writes it down. The words of a transcript lie beside
its event, so that they can be searched, and erased.
"""

import http.client
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from parley.ai.speech import Engine, Unheard, local
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import NotFound
from parley.log import record as log
from parley.log.record import Record, Tx
from parley.services import calls
from parley.services.files import Store

MOST_BYTES = 1024 * 1024
LONGEST = 20_000  # characters
SECONDS = 120.0
PAUSES = (1.0, 4.0, 15.0)  # between tries at an endpoint that may be ill for a moment
NOBODY = "Nothing at this desk turns speech into text."


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A recording's text, or why there is none."""

    engine: str = ""
    text: str = ""
    reason: str = ""


class TranscriptFollower:
    """Has every recording of a call heard once, as it comes from the provider."""

    name = "transcripts"
    kinds = (e.FileFetched,)
    batch = 1

    def __init__(self, store: Store, engine: Engine | None, pauses: Sequence[float] = PAUSES) -> None:
        self.store, self.engine, self.pauses = store, engine, pauses

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[int, Heard]:
        """By the event's place in the log."""
        found = {}
        for r in batch:
            event = r.event
            if isinstance(event, e.FileFetched) and event.file and event.file.type.startswith("audio/"):
                with record.reading() as conn:
                    is_call = calls.is_call(log.stream(conn, r.stream), event.message)
                if is_call:
                    found[r.seq] = self._heard(event.file)
        return found

    def _heard(self, file: e.File) -> Heard:
        if self.engine is None:
            return Heard(reason=NOBODY)
        try:
            sound = self.store.get(file.sha256)
        except NotFound as error:
            return Heard(reason=str(error))
        for pause in (*self.pauses, None):
            try:
                return Heard(engine=self.engine.name, text=self.engine.hear(sound, file.type).strip()[:LONGEST])
            except Unheard as error:
                if not error.passing or pause is None:
                    return Heard(engine=self.engine.name, reason=str(error))
                time.sleep(pause)
        raise AssertionError

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: Mapping[int, Heard]) -> None:
        for r in batch:
            heard, event = prepared.get(r.seq), r.event
            if heard is None or not isinstance(event, e.FileFetched):
                continue
            wording = tx.new_id("message") if heard.text else 0
            fact = e.CallTranscribed(
                message=event.message,
                number=event.number,
                wording=wording,
                engine=heard.engine,
                preview=talk.preview(heard.text),
                reason=heard.reason,
            )
            tx.append(e.conversation(r.subject_id), [fact], self.name)
            if wording:
                tx.say(wording, e.Words(text=heard.text))


# ── an endpoint ─────────────────────────────────────────────────────────────────────────────


def engine(url: str, model: str, key: str) -> Engine | None:
    """As the desk's settings say: an endpoint where there is an address, else a model on this machine."""
    return Endpoint(url, model or "whisper-1", key) if url else local(model)


class Endpoint:
    """`POST …/audio/transcriptions` with a form, as OpenAI's interface has it and many servers speak it."""

    def __init__(self, url: str, model: str, key: str) -> None:
        self.name, self._url, self._key = model, url.rstrip("/"), key

    def hear(self, sound: bytes, kind: str) -> str:
        status, raw = _asked(lambda: self._ask(sound, kind))
        if status == 429 or status >= 500:
            raise Unheard(f"The service that hears recordings answered {status}.", passing=True)
        if status != 200:
            raise Unheard(f"The service that hears recordings refused it ({status}).")
        try:
            return msgspec.json.decode(raw, type=_Answer).text
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unheard("The service that hears recordings answered something else.") from error

    def _ask(self, sound: bytes, kind: str) -> tuple[int, bytes]:
        parts = urlsplit(self._url)
        mark = secrets.token_hex(16)
        headers = {"content-type": f"multipart/form-data; boundary={mark}", "accept": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        line = _line(parts)
        try:
            line.request("POST", f"{parts.path}/audio/transcriptions", _form(mark, self.name, sound, kind), headers)
            answer = line.getresponse()
            return answer.status, answer.read(MOST_BYTES)
        finally:
            line.close()


class _Answer(msgspec.Struct):
    text: str


def _asked(ask: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """Never the address in what is said: it may hold a secret."""
    try:
        return ask()
    except (OSError, http.client.HTTPException) as error:
        raise Unheard("The service that hears recordings cannot be reached.", passing=True) from error


def _line(parts: Any) -> http.client.HTTPConnection:
    where = (parts.hostname or "", parts.port)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(*where, timeout=SECONDS, context=ssl.create_default_context())
    return http.client.HTTPConnection(*where, timeout=SECONDS)


def _form(mark: str, model: str, sound: bytes, kind: str) -> bytes:
    ending = {"audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/mp4": "m4a"}.get(kind, "wav")
    field = f'--{mark}\r\ncontent-disposition: form-data; name="{{}}"\r\n\r\n{{}}\r\n'
    file = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="call.{ending}"\r\n'
    file += f"content-type: {kind}\r\n\r\n"
    before = field.format("model", model) + field.format("response_format", "json") + file
    return before.encode() + sound + f"\r\n--{mark}--\r\n".encode()
