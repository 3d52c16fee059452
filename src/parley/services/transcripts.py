"""What was said in a recorded call, as text beside the recording: by an OpenAI-compatible endpoint, or on this machine.

A desk without either keeps the recording and says that nothing writes it down. The words of a transcript lie beside
its event, so that they can be searched, and erased.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from parley.ai.speech import Engine, Unheard, local
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import NotFound
from parley.log import record as log
from parley.log.record import Record, Tx
from parley.services import calls
from parley.services.files import Store

if TYPE_CHECKING:
    import httpx

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
        answer = self._answer(sound, kind)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unheard(f"The service that hears recordings answered {answer.status_code}.", passing=True)
        if answer.status_code != 200:
            raise Unheard(f"The service that hears recordings refused it ({answer.status_code}).")
        try:
            return msgspec.json.decode(answer.content, type=_Answer).text
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unheard("The service that hears recordings answered something else.") from error

    def _answer(self, sound: bytes, kind: str) -> "httpx.Response":
        """Never the address in what is said: it may hold a secret."""
        import httpx

        ending = {"audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/mp4": "m4a"}.get(kind, "wav")
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {self._key}"} if self._key else {})
        try:
            return httpx.post(
                f"{self._url}/audio/transcriptions", headers=headers, timeout=SECONDS, trust_env=False,
                data={"model": self.name, "response_format": "json"}, files={"file": (f"call.{ending}", sound, kind)},
            )  # fmt: skip
        except httpx.HTTPError as error:
            raise Unheard("The service that hears recordings cannot be reached.", passing=True) from error


class _Answer(msgspec.Struct):
    text: str
