"""Sentence models of the operator's own: a folder with an ONNX graph and its tokenizer, or one that fastembed knows."""

import importlib
import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parley.ai.likeness import Floats
from parley.ai.remembering import Remembering
from parley.ai.wordpiece import END, PAD, START, UNKNOWN, WordPiece
from parley.core.embeddings import Wish
from parley.core.errors import BadConfig

AT_ONCE = 32
TOKENS, MOST = 256, 512  # pieces of a text: where the folder says nothing, and at most
POOLING = {
    "pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}  # fmt: skip
ORDINARY = {"Transformer", "Pooling", "Normalize"}


class Tokenizer(Protocol):
    """pad: what fills the shorter texts of a batch."""

    pad: int

    def numbers(self, texts: Sequence[str]) -> list[Sequence[int]]: ...


class FolderModel(Remembering):
    """`tokenizer.json` and `onnx/model.onnx` or `model.onnx`; pooling as the folder says, else the mean."""

    def __init__(self, wish: Wish) -> None:
        """Raises BadConfig with what is missing."""
        super().__init__()
        folder = Path(wish.place)
        graph = next((one for one in (folder / "onnx/model.onnx", folder / "model.onnx") if one.is_file()), None)
        if graph is None or not (folder / "tokenizer.json").is_file():
            missing = "tokenizer.json" if graph else "onnx/model.onnx or model.onnx"
            raise BadConfig(f"The folder {folder} of PARLEY_EMBEDDINGS has no {missing}.")
        self.pooling = pooling_of(folder)
        self._prefix = wish.prefix
        self._session = _session(graph)
        self._tokenizer = tokenizer_of(folder)
        self.name = f"folder-{folder.name}-{_digest(graph, folder / 'tokenizer.json', self.pooling, wish.prefix)}"
        self._width = int(self._rows_of(["width"]).shape[1])

    @property
    def width(self) -> int:
        return self._width

    def _rows_of(self, texts: Sequence[str]) -> Floats:
        numbers = self._tokenizer.numbers([self._prefix + one for one in texts])
        order = sorted(range(len(texts)), key=lambda place: len(numbers[place]))
        parts = [order[start : start + AT_ONCE] for start in range(0, len(order), AT_ONCE)]
        rows = np.concatenate([self._run([numbers[place] for place in part]) for part in parts])
        found = np.empty_like(rows)
        found[order] = rows
        return found

    def _run(self, numbers: Sequence[Sequence[int]]) -> Floats:
        longest = max(len(one) for one in numbers)
        ids = np.full((len(numbers), longest), self._tokenizer.pad, np.int64)
        mask = np.zeros((len(numbers), longest), np.float32)
        for row, one in enumerate(numbers):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        asked = {one.name: _as_wanted(one.name, one.type, ids, mask) for one in self._session.get_inputs()}
        names = [one.name for one in self._session.get_outputs()]
        wanted = "sentence_embedding" if "sentence_embedding" in names else names[0]
        found = np.asarray(self._session.run([wanted], asked)[0], np.float32)
        return found if found.ndim == 2 else pooled(found, mask, self.pooling)


def _as_wanted(name: str, kind: str, ids: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    given = mask if "mask" in name else np.zeros_like(ids) if "type" in name else ids
    wanted: NDArray[Any] = given.astype(np.float32 if "float" in kind else np.int32 if "int32" in kind else np.int64)
    return wanted


def pooled(states: Floats, mask: Floats, how: str) -> Floats:
    """[texts, pieces, width] into [texts, width]. how: cls, mean, max or last, of what the mask lets in."""
    if how in ("cls", "last"):
        places = mask.sum(axis=1).astype(np.intp) - 1 if how == "last" else np.zeros(len(states), np.intp)
        one: Floats = states[np.arange(len(states)), places]
        return one
    if how == "max":
        highest: Floats = np.where(mask[:, :, None] > 0, states, -np.inf).max(axis=1).astype(np.float32)
        return highest
    mean: Floats = (states * mask[:, :, None]).sum(axis=1) / np.maximum(mask.sum(axis=1, keepdims=True), 1e-9)
    return mean.astype(np.float32)


# ── what the folder says ────────────────────────────────────────────────────────────────────


def pooling_of(folder: Path) -> str:
    """Raises BadConfig for a way that is not known here: other vectors than the model's own would be of no use."""
    strange = {str(one.get("type", "")).rpartition(".")[2] for one in _told(folder / "modules.json", [])} - ORDINARY
    if strange:
        raise BadConfig(f"The model in {folder} has parts that Parley does not run: {', '.join(sorted(strange))}.")
    told = _told(folder / "1_Pooling/config.json", {}) or _told(folder / "sentence_bert_config.json", {})
    modes = [name for name, value in told.items() if name.startswith("pooling_mode_") and value is True]
    if not modes:
        return "mean"
    if len(modes) > 1 or modes[0] not in POOLING:
        raise BadConfig(f"The model in {folder} pools by {', '.join(modes)}. Known: {', '.join(POOLING)}.")
    return POOLING[modes[0]]


def tokenizer_of(folder: Path) -> Tokenizer:
    """Ours for BERT's plain WordPiece; else that of the package tokenizers, where it is installed."""
    told = _told(folder / "tokenizer.json", {})
    most = min(MOST, int(_told(folder / "sentence_bert_config.json", {}).get("max_seq_length") or TOKENS))
    model = told.get("model") or {}
    known = model.get("vocab") or {}
    normal = told.get("normalizer") or {}
    plain = (
        model.get("type") == "WordPiece"
        and normal.get("type") == "BertNormalizer"
        and normal.get("lowercase") is True
        and normal.get("strip_accents") is not False
        and [known.get(mark) for mark in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")] == [PAD, UNKNOWN, START, END]
        and sorted(known.values()) == list(range(len(known)))
    )
    return OwnPieces(known, most) if plain else TheirPieces(folder / "tokenizer.json", most)


class OwnPieces:
    """Lower case, no accents, greedy pieces."""

    pad = PAD

    def __init__(self, known: dict[str, int], most: int) -> None:
        self._pieces, self._most = WordPiece(sorted(known, key=known.__getitem__)), most

    def numbers(self, texts: Sequence[str]) -> list[Sequence[int]]:
        return [self._pieces.numbers(one, self._most) for one in texts]


class TheirPieces:
    """Every other tokenizer: the models of many languages have one of sentence pieces."""

    def __init__(self, file: Path, most: int) -> None:
        try:
            made = importlib.import_module("tokenizers")
        except ImportError as error:
            raise BadConfig(
                f"The model in {file.parent} cuts words in a way that needs: pip install 'parley[tokenizers]'."
            ) from error
        try:
            self._made = made.Tokenizer.from_file(str(file))
        except Exception as error:
            raise BadConfig(f"{file} cannot be read ({error}).") from error
        padding = self._made.padding or {}
        self.pad = int(padding.get("pad_id", 0))
        self._made.no_padding()
        self._made.enable_truncation(most)

    def numbers(self, texts: Sequence[str]) -> list[Sequence[int]]:
        return [one.ids for one in self._made.encode_batch(list(texts))]


def _told(file: Path, otherwise: Any) -> Any:
    """What a JSON file says; `otherwise` where there is none, or it holds something of another kind."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return otherwise
    except (OSError, ValueError) as error:
        raise BadConfig(f"{file} cannot be read ({type(error).__name__}).") from error
    return told if isinstance(told, type(otherwise)) else otherwise


def _session(graph: Path) -> Any:
    from parley.ai.encoder import session

    try:
        return session(graph)
    except ImportError as error:
        raise BadConfig("onnxruntime is not installed, without which no model of this machine runs.") from error
    except Exception as error:
        raise BadConfig(f"{graph} cannot be run ({type(error).__name__}).") from error


def _digest(graph: Path, tokenizer: Path, *more: str) -> str:
    seen = blake2b("\n".join(more).encode(), digest_size=6)
    for file in (graph, tokenizer):
        with file.open("rb") as opened:
            while part := opened.read(1 << 20):
                seen.update(part)
    return seen.hexdigest()


# ── fastembed ───────────────────────────────────────────────────────────────────────────────


class FastEmbed(Remembering):
    """A model that the package fastembed knows by name. With a folder of its own nothing is ever fetched; without one,
    fastembed fetches the model when it is first used."""

    def __init__(self, wish: Wish) -> None:
        super().__init__()
        try:
            made = importlib.import_module("fastembed")
        except ImportError as error:
            raise BadConfig(
                "PARLEY_EMBEDDINGS asks for fastembed, which is not installed: pip install 'parley[fastembed]'."
            ) from error
        where = {"cache_dir": wish.place, "local_files_only": True} if wish.place else {}
        try:
            self._model = made.TextEmbedding(model_name=wish.model, threads=1, **where)
        except Exception as error:
            hint = f" Is it in {wish.place}?" if wish.place else ""
            raise BadConfig(f"fastembed has no model “{wish.model}” ({type(error).__name__}).{hint}") from error
        self._prefix = wish.prefix
        self.name = f"fastembed-{wish.model}-{blake2b(wish.prefix.encode(), digest_size=4).hexdigest()}"
        self._width = int(self._rows_of(["width"]).shape[1])

    @property
    def width(self) -> int:
        return self._width

    def _rows_of(self, texts: Sequence[str]) -> Floats:
        return np.asarray(
            list(self._model.embed([self._prefix + one for one in texts], batch_size=AT_ONCE)), np.float32
        )
