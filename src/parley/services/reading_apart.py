"""A second process that reads: backlogs, so that one core reads while another files, and whatever is large.

What a small delivery can cost is bounded by its size (`bin/mail-fuzz` shows how far); what a large one can cost is
bounded by the system: memory and processor time of the second process are limited, and it is not waited for for ever.
It starts when it is needed and ends when nothing came for a while, so an idle desk is one process.
If it dies or hangs over a batch, the batch is read again one delivery at a time; the one that does
it again goes to quarantine. It answers in msgpack, never in anything that could run here.
"""

import importlib
import logging
import os
import pickle
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from parley.core.channel import Channel
from parley.core.errors import Busy
from parley.services.files import Store
from parley.services.reading import Heard, Unread, read_all

logger = logging.getLogger("parley.intake")

BACKLOG = 24  # deliveries from which handing them over costs less than reading them here
SMALL = 64 * 1024  # bytes up to which a delivery may be read here
PATIENCE = 60.0  # seconds a batch may take; for one delivery alone, a third of it
PROCESSOR = 30  # seconds of processor time for a batch
PROCESSOR_ALONE = 5  # and for one delivery alone
REST_AFTER = 60.0  # seconds without work until it ends
MEMORY = 512 * 1024**2  # address space: a hostile mail must not take the machine's


class Answer(msgspec.Struct, frozen=True):
    """heard: one per delivery. busy: why the files could not be kept now."""

    heard: list[Heard] = []
    busy: str | None = None


class Gone(Exception):
    """The second process died, hung, or spoke nonsense."""


class Readers:
    """Reads deliveries, here or apart. `apart=None` decides by the number of processors."""

    def __init__(self, channels: Mapping[str, Channel], store: Store, apart: bool | None = None) -> None:
        self.channels, self.store = channels, store
        self.apart = len(os.sched_getaffinity(0)) > 1 if apart is None else apart
        self._other: Other | None = None
        self._lock = threading.Lock()
        self._waiter = ThreadPoolExecutor(1, thread_name_prefix="parley-reading")

    def read(self, unread: Sequence[Unread]) -> "Future[list[Heard]]":
        """Begin to read; a short batch of small deliveries is read at once."""
        modules = {one.inbox.channel: _module(self.channels[one.inbox.channel]) for one in unread if one.inbox}
        costly = len(unread) >= BACKLOG or any(len(one.delivery.raw) > SMALL for one in unread)
        if self.apart and costly and all(modules.values()):
            return self._waiter.submit(self._read_apart, unread, modules)
        done: Future[list[Heard]] = Future()
        try:
            done.set_result(read_all(unread, self.channels, self.store))
        except Busy as error:
            done.set_exception(error)
        return done

    def _read_apart(self, unread: Sequence[Unread], modules: dict[str, str]) -> list[Heard]:
        try:
            return self._ask(unread, modules, PATIENCE, PROCESSOR)
        except Gone as error:
            logger.warning("The reading process %s; reading %d deliveries one by one", error, len(unread))
        return [self._read_alone(one, modules) for one in unread]

    def _read_alone(self, one: Unread, modules: dict[str, str]) -> Heard:
        try:
            return self._ask([one], modules, PATIENCE / 3, PROCESSOR_ALONE)[0]
        except Gone as error:
            trouble = f"The process that read it {error}. The raw message is kept."
            return Heard(delivery=one.delivery.id, inbox=one.delivery.inbox, trouble=trouble, history=one.history)

    def _ask(self, unread: Sequence[Unread], modules: dict[str, str], seconds: float, processor: int) -> list[Heard]:
        with self._lock:
            self._other = self._other or Other(self.store.folder)
            try:
                answer = self._other.ask(pickle.dumps((modules, list(unread), processor)), seconds)
                if answer.busy is None and len(answer.heard) != len(unread):
                    raise Gone("answered something else")
            except Gone:
                self._other.end()
                self._other = None
                raise
        if answer.busy:
            raise Busy(answer.busy)
        return answer.heard

    def rest(self) -> None:
        """End the second process if it had nothing to do for a while."""
        if self._lock.acquire(blocking=False):
            try:
                if self._other and time.monotonic() - self._other.used > REST_AFTER:
                    self._other.end()
                    self._other = None
            finally:
                self._lock.release()

    def close(self) -> None:
        self._waiter.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            if self._other:
                self._other.end()
                self._other = None


def _module(channel: Channel) -> str:
    """Where another process finds the same channel; empty for one that was made by hand."""
    name = type(channel).__module__
    return name if type(getattr(sys.modules.get(name), "channel", None)) is type(channel) else ""


class Other:
    """The second process, seen from the first. Frames are eight bytes of length and then the bytes."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", __name__, str(folder)]
        # Each thread's own heap would claim 128 MB of the address space that is allowed.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MALLOC_ARENA_MAX": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0
        )
        self.used = time.monotonic()

    def ask(self, question: bytes, seconds: float) -> Answer:
        assert self.process.stdin is not None
        until = time.monotonic() + seconds
        try:
            self.process.stdin.write(len(question).to_bytes(8, "big"))
            view = memoryview(question)
            while view:
                view = view[self.process.stdin.write(view) :]
            size = int.from_bytes(self._get(8, until), "big")
            answer = msgspec.msgpack.decode(self._get(size, until), type=Answer)
        except (OSError, msgspec.MsgspecError) as error:
            raise Gone("died") from error
        self.used = time.monotonic()
        return answer

    def _get(self, size: int, until: float) -> bytes:
        assert self.process.stdout is not None
        parts, missing = [], size
        while missing:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise Gone("took too long")
            part = os.read(self.process.stdout.fileno(), min(missing, 1 << 20))
            if not part:
                raise Gone("died")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


# ── in the second process ───────────────────────────────────────────────────────────────────


def serve(folder: Path) -> None:
    """Answer questions until the first process closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    threading.stack_size(512 * 1024)  # they only wait for the disk
    os.nice(1)
    coming, going = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not get between the frames
    store = Store(folder)
    while head := coming.read(8):
        size = int.from_bytes(head, "big")
        if len(question := coming.read(size)) < size:
            return  # the first process was stopped in the middle of a word
        modules, unread, processor = pickle.loads(question)
        _allow(processor)
        channels = {name: importlib.import_module(module).channel for name, module in modules.items()}
        answer = msgspec.msgpack.encode(_answered(unread, channels, store))
        going.write(len(answer).to_bytes(8, "big") + answer)
        going.flush()


def _allow(seconds: int) -> None:
    """So many seconds more of processor time; who takes longer is ended by the system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _answered(unread: Sequence[Unread], channels: Mapping[str, Channel], store: Store) -> Answer:
    try:
        return Answer(read_all(unread, channels, store))
    except Busy as error:
        return Answer(busy=str(error))


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
