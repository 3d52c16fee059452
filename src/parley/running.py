"""Runs a desk: with its pages (`parley serve`, `parley demo`) or without (`parley work`)."""

import asyncio
import ctypes
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from parley.app import Desk, room_of
from parley.config import Config
from parley.core.errors import BadConfig, Busy

logger = logging.getLogger("parley")

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def set_up_logging(level: str) -> None:
    """Lines for people on a terminal, JSON for machines elsewhere. Never bodies, never secrets."""
    import structlog

    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("uvicorn.access", "alembic", "imap_tools", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


M_TRIM_THRESHOLD, TRIM, M_ARENA_MAX, ARENAS = -1, 128 * 1024, -8, 2  # glibc's mallopt(3)


def give_memory_back() -> None:
    """What was freed goes back to the system at once. glibc else raises that threshold with every large array that is
    freed, and gives each thread a heap of its own: a desk that has read its articles keeps twice what it needs.
    Elsewhere nothing is changed."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, TRIM)
        libc.mallopt(M_ARENA_MAX, ARENAS)


TURN_SECONDS = 0.002  # a thread's turn: the line to the browsers must not wait long for the one that files mail


def run_server(
    config: Config, *, work: bool = True, beside: Sequence[Lifespan] = (), demo: bool = False, desk: Desk | None = None
) -> None:
    """Serve until stopped by a signal. beside: what lives as long as the server does."""
    import uvicorn

    from parley.web.server import make_app

    set_up_logging(config.log_level)
    sys.setswitchinterval(TURN_SECONDS)
    give_memory_back()
    desk = desk or Desk(config)
    _refuse_taken(config.host, config.port)
    app = make_app(room_of(desk, demo=demo), beside=[lambda _: _alive(desk, work), *beside])
    if not demo:
        _note_start(desk, config.url)
        print(_greeting(desk), flush=True)
    uvicorn.run(
        app,
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        ws="websockets-sansio",
        ws_max_size=12 * 1024 * 1024,
    )


OTHER_KEY = (
    "This desk's links and reply addresses were signed with another secret than the one it runs with now. All"
    " processes must share one data directory or one PARLEY_SECRET; put the right secret.key back."
)


def _note_start(desk: Desk, url: str) -> None:
    """A database that cannot be written at the moment is no reason not to serve what can be read."""
    from parley.services import setup

    try:
        same = desk.record.do(lambda tx: setup.note_start(tx, url, desk.config.key))
    except Busy as error:
        logger.warning("Starting, but: %s", error)
        return
    if not same:
        logger.error(OTHER_KEY)


def _greeting(desk: Desk) -> str:
    """Where the desk is; for a new one, how to set it up from here and from elsewhere."""
    from parley.services import setup
    from parley.web.session import setup_code

    url = desk.config.url
    if not desk.record.ask(setup.is_new):
        return f"Parley is at {url}/desk"
    return (
        f"Parley is at {url}/setup – open it to set the desk up.\n"
        f"Asked for a code (from another machine or through a proxy)? It is {setup_code(desk.config.key)}"
    )


@asynccontextmanager
async def _alive(desk: Desk, work: bool) -> AsyncIterator[None]:
    if work:
        await asyncio.to_thread(desk.start)
        await desk.run()
    else:
        desk.follow_others()
    gc.freeze()  # what was made until now stays, and need not be looked through
    try:
        yield
    finally:
        await desk.halt()
        await asyncio.to_thread(desk.stop)


def _refuse_taken(host: str, port: int) -> None:
    """A port that is taken is said in a sentence, before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadConfig(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another with --port or PARLEY_PORT."
            ) from error


def run_worker(config: Config) -> None:
    """Channels, bot, timers and delivery until stopped by a signal."""
    set_up_logging(config.log_level)
    give_memory_back()
    desk = Desk(config)
    if desk.record.database.alone:
        desk.record.close()
        raise BadConfig("On SQLite one process does everything: use `parley serve`. Workers need PostgreSQL.")
    _note_start(desk, "")
    asyncio.run(_work(desk))


async def _work(desk: Desk) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _alive(desk, True):
        print("Working. Stop with Ctrl-C.", flush=True)
        await stop.wait()
