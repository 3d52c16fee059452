"""QR codes (ISO/IEC 18004) for links: bytes, correction level M, versions 1 to 12, which is 287 bytes."""

from collections.abc import Iterator, Sequence
from functools import cache

# version: correction bytes of each block, and the data bytes of the blocks
BLOCKS: dict[int, tuple[int, tuple[int, ...]]] = {
    1: (10, (16,)),
    2: (16, (28,)),
    3: (26, (44,)),
    4: (18, (32,) * 2),
    5: (24, (43,) * 2),
    6: (16, (27,) * 4),
    7: (18, (31,) * 4),
    8: (22, (38,) * 2 + (39,) * 2),
    9: (22, (36,) * 3 + (37,) * 2),
    10: (26, (43,) * 4 + (44,)),
    11: (30, (50,) + (51,) * 4),
    12: (22, (36,) * 6 + (37,) * 2),
}
MIDDLE = {7: 22, 8: 24, 9: 26, 10: 28, 11: 30, 12: 32}  # where there are three rows of alignment marks
Grid = list[list[int]]


def path(text: str) -> str:
    """The code's width in modules, a space, and its dark modules as an SVG path. Empty where the text is too long."""
    grid = modules(text.encode())
    if grid is None:
        return ""
    runs = (f"M{x} {y}h{n}v1h-{n}z" for y, row in enumerate(grid) for x, n in _runs(row))
    return f"{len(grid)} {''.join(runs)}"


def _runs(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None


def modules(data: bytes) -> Grid | None:
    """The code as rows of 0 and 1, in the mask that scanners like best; None when it takes more than version 12."""
    version = next((v for v in BLOCKS if len(data) <= _room(v)), None)
    if version is None:
        return None
    bits = _bits(_interleaved(_codewords(data, version), version))
    drawn = [_drawn(version, bits, mask) for mask in range(8)]
    return min(drawn, key=_penalty)


def _room(version: int) -> int:
    return sum(BLOCKS[version][1]) - (2 if version < 10 else 3)


# ── bytes ───────────────────────────────────────────────────────────────────────────────────


def _codewords(data: bytes, version: int) -> bytes:
    """Mode, length, data, end, and what fills the rest."""
    length = 8 if version < 10 else 16
    total = sum(BLOCKS[version][1])
    value = (0b0100 << length | len(data)) << 8 * len(data) | int.from_bytes(data)
    used = 4 + length + 8 * len(data)
    end = min(4, 8 * total - used)
    value, used = value << end, used + end
    value, used = value << -used % 8, used + -used % 8
    told = value.to_bytes(used // 8)
    return told + bytes((0xEC, 0x11)[n % 2] for n in range(total - len(told)))


def _interleaved(data: bytes, version: int) -> bytes:
    correction, sizes = BLOCKS[version]
    blocks, start = [], 0
    for size in sizes:
        blocks.append(data[start : start + size])
        start += size
    checks = [_check(block, correction) for block in blocks]
    first = [block[n] for n in range(max(sizes)) for block in blocks if n < len(block)]
    return bytes([*first, *(check[n] for n in range(correction) for check in checks)])


def _check(block: bytes, count: int) -> bytes:
    """Reed-Solomon: what is left of the block after division by the generator."""
    generator = _generator(count)
    rest = [*block, *[0] * count]
    for n in range(len(block)):
        if factor := rest[n]:
            for k, part in enumerate(generator):
                rest[n + k] ^= _times(part, factor)
    return bytes(rest[-count:])


@cache
def _generator(count: int) -> tuple[int, ...]:
    made = [1]
    for n in range(count):
        root = EXP[n]
        made = [a ^ _times(b, root) for a, b in zip([*made, 0], [0, *made], strict=True)]
    return tuple(made)


def _field() -> tuple[list[int], dict[int, int]]:
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return powers, {power: n for n, power in enumerate(powers)}


EXP, LOG = _field()


def _times(a: int, b: int) -> int:
    return EXP[(LOG[a] + LOG[b]) % 255] if a and b else 0


def _bits(data: bytes) -> list[int]:
    return [byte >> place & 1 for byte in data for place in range(7, -1, -1)]


# ── drawing ─────────────────────────────────────────────────────────────────────────────────

MASKS = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 == 0,
    lambda y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)


def _drawn(version: int, bits: Sequence[int], mask: int) -> Grid:
    size = 17 + 4 * version
    fixed = _marks(version, mask)
    grid = [[fixed.get((y, x), 0) for x in range(size)] for y in range(size)]
    free = (place for place in _snake(size) if place not in fixed)
    for n, (y, x) in enumerate(free):
        bit = bits[n] if n < len(bits) else 0
        grid[y][x] = bit ^ MASKS[mask](y, x)
    return grid


def _snake(size: int) -> Iterator[tuple[int, int]]:
    """Two columns at a time from the right, upwards, then downwards; the column of the timing mark is left out."""
    for turn, right in enumerate([*range(size - 1, 6, -2), 5, 3, 1]):
        for step in range(size):
            y = step if turn % 2 else size - 1 - step
            yield y, right
            yield y, right - 1


def _marks(version: int, mask: int) -> dict[tuple[int, int], int]:
    """Everything that stands in its place whatever is said."""
    size = 17 + 4 * version
    found: dict[tuple[int, int], int] = {}
    for n in range(size):
        found[(6, n)] = found[(n, 6)] = (n + 1) % 2
    for y, x in _alignments(version, size):
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                found[(y + dy, x + dx)] = int(max(abs(dy), abs(dx)) != 1)
    for y, x in ((3, 3), (3, size - 4), (size - 4, 3)):
        for dy in range(-4, 5):
            for dx in range(-4, 5):
                if 0 <= y + dy < size and 0 <= x + dx < size:
                    found[(y + dy, x + dx)] = int(max(abs(dy), abs(dx)) not in (2, 4))
    return found | _format(mask, size) | (_version(version, size) if version >= 7 else {})


def _alignments(version: int, size: int) -> list[tuple[int, int]]:
    if version == 1:
        return []
    rows = sorted({6, MIDDLE.get(version, 6), size - 7})
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    return [(y, x) for y in rows for x in rows if (y, x) not in corners]


def _format(mask: int, size: int) -> dict[tuple[int, int], int]:
    """Level M and the mask, twice, with 10 bits that correct them."""
    word = (mask << 10 | _rest(mask << 10, 0x537, 10)) ^ 0x5412
    bit = [word >> n & 1 for n in range(15)]
    column = [(n, 8) for n in range(6)] + [(7, 8), (8, 8), (8, 7)] + [(8, 14 - n) for n in range(9, 15)]
    row = [(8, size - 1 - n) for n in range(8)] + [(size - 15 + n, 8) for n in range(8, 15)]
    return dict(zip(column, bit, strict=True)) | dict(zip(row, bit, strict=True)) | {(size - 8, 8): 1}


def _version(version: int, size: int) -> dict[tuple[int, int], int]:
    word = version << 12 | _rest(version << 12, 0x1F25, 12)
    found = {}
    for n in range(18):
        found[(n // 3, size - 11 + n % 3)] = found[(size - 11 + n % 3, n // 3)] = word >> n & 1
    return found


def _rest(value: int, divisor: int, bits: int) -> int:
    """Of the division of polynomials over bits."""
    while value.bit_length() > bits:
        value ^= divisor << value.bit_length() - bits - 1
    return value


# ── which mask ──────────────────────────────────────────────────────────────────────────────

LOOKS_LIKE_A_CORNER = ([1, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1])


def _penalty(grid: Grid) -> int:
    """How hard it is to read: long runs, squares, what looks like a corner, and too much of one colour."""
    size = len(grid)
    lines = [*grid, *(list(column) for column in zip(*grid, strict=True))]
    total = sum(_of_line(line) for line in lines)
    for y in range(size - 1):
        for x in range(size - 1):
            total += 3 * (grid[y][x] == grid[y][x + 1] == grid[y + 1][x] == grid[y + 1][x + 1])
    dark = sum(map(sum, grid)) * 100 // size**2
    return total + 10 * (abs(dark - 50) // 5)


def _of_line(line: Sequence[int]) -> int:
    total, run = 0, 1
    for n in range(1, len(line) + 1):
        if n < len(line) and line[n] == line[n - 1]:
            run += 1
            continue
        total += run - 2 if run >= 5 else 0
        run = 1
    total += sum(40 for n in range(len(line) - 10) if line[n : n + 11] in LOOKS_LIKE_A_CORNER)
    return total
