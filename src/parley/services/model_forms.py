"""The two forms in which language models are asked over HTTP, and how their answers are read.

OpenAI's chat completions, which most servers speak (Ollama, vLLM, llama.cpp), and Anthropic's messages, as both are
described publicly. No tool is ever offered; what an answer would like to call is not read.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

VERSION = "2023-06-01"
"""Of Anthropic's form; the newest that their documentation names."""


class Wrong(Exception):
    """It answered something that is no answer."""


class Question(NamedTuple):
    """rule: what it shall do. text: what with. most: tokens of its answer."""

    rule: str
    text: str
    most: int


class Form(NamedTuple):
    """path: behind the settings' address. read: the text and the tokens of an answer; Wrong where it is none."""

    path: str
    headers: Callable[[str], Mapping[str, str]]
    body: Callable[[str, Question], Mapping[str, Any]]
    read: Callable[[bytes], tuple[str, int]]


# ── as OpenAI speaks ────────────────────────────────────────────────────────────────────────


def _bearer(key: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _completion(name: str, asked: Question) -> Mapping[str, Any]:
    messages = [{"role": "system", "content": asked.rule}, {"role": "user", "content": asked.text}]
    return {"model": name, "messages": messages, "temperature": 0, "max_tokens": asked.most, "stream": False}


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    total_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


def _read_completion(raw: bytes) -> tuple[str, int]:
    found = _decoded(raw, _Completion)
    first = found.choices[0] if found.choices else None
    if first is not None and first.finish_reason == "length":
        raise Wrong("its answer was cut off")
    return _told(first.message.content if first else None, found.usage.total_tokens if found.usage else 0)


# ── as Anthropic speaks ─────────────────────────────────────────────────────────────────────


def _api_key(key: str) -> Mapping[str, str]:
    return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})


def _messages(name: str, asked: Question) -> Mapping[str, Any]:
    # No temperature: it may be left out everywhere, and some of their models refuse it.
    told = [{"role": "user", "content": asked.text}]
    return {"model": name, "system": asked.rule, "messages": told, "max_tokens": asked.most}


class _Block(msgspec.Struct):
    """One piece of an answer; only those of the type `text` are words."""

    type: str
    text: str = ""


class _Spent(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0


class _Answer(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Spent | None = None


def _read_messages(raw: bytes) -> tuple[str, int]:
    found = _decoded(raw, _Answer)
    if found.stop_reason in ("max_tokens", "model_context_window_exceeded"):
        raise Wrong("its answer was cut off")
    if found.stop_reason == "refusal":
        raise Wrong("it would not answer")
    spent = found.usage.input_tokens + found.usage.output_tokens if found.usage else 0
    return _told("".join(block.text for block in found.content if block.type == "text"), spent)


# ── both ────────────────────────────────────────────────────────────────────────────────────


def _decoded(raw: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Wrong("it answered no JSON of the expected form") from error


def _told(text: str | None, tokens: int) -> tuple[str, int]:
    if not text or not text.strip():
        raise Wrong("it said nothing")
    return text.strip(), max(0, min(tokens, 1_000_000))


FORMS: Mapping[str, Form] = {
    "openai": Form("/chat/completions", _bearer, _completion, _read_completion),
    "anthropic": Form("/messages", _api_key, _messages, _read_messages),
}
