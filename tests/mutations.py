"""Files damaged at random, for tests that promise a record or a reject for any input.

    for name, content in mutations(seed=1, samples=[good_file], count=1000):
        with deadline(5):
            ...read `content`: no exception, no hang, nothing uncounted...

`vocabulary` are words that mean something in the format (delimiters, record letters,
odd values): put where they do not belong they do more harm than random bytes. The same
seed gives the same files; a failing one is named by its number and what was done to it.
"""

from __future__ import annotations

import gzip
import io
import random
import signal
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

ODD: tuple[bytes, ...] = (
    *(b"\x00", b"\x1a", b"\\", b"\\N", b"\\.", b"\r", b"\n", b"\t", b'"', b"'", b","),
    *(b";", b"|", b"-1", b"0", b"1e309", b"NaN", b"NULL", b"99999999999999999999"),
    *(b"2147483648", b"0000", b"1/13/2024", b"20240230", b"\xff\xfe", b"\xef\xbb\xbf"),
    *("\u2028\u00e9\U0001f3e0".encode(), b"\xc3\x28", b"%s", b"{}", b"<", b"&", b"]]>"),
)

Mutator = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def _span(chance: random.Random, content: bytes, longest: int = 200) -> tuple[int, int]:
    start = chance.randrange(len(content) + 1)
    return start, min(len(content), start + chance.randint(1, longest))


def flip_bytes(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Some bytes become others."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)) if changed else ():
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def insert_word(chance: random.Random, content: bytes, words: Sequence[bytes]) -> bytes:
    """A word of the format, or an odd one, where none belongs."""
    place = chance.randrange(len(content) + 1)
    word = chance.choice([*words, *ODD]) * chance.choice((1, 1, 1, 2, 50))
    return content[:place] + word + content[place:]


def replace_field(
    chance: random.Random, content: bytes, words: Sequence[bytes]
) -> bytes:
    """What stands between two delimiters becomes an odd value."""
    mark = chance.choice([b";", b",", b"|", b'"', b"\n", b">"])
    start = content.find(mark, chance.randrange(len(content) + 1))
    end = content.find(mark, start + 1)
    if start < 0 or end < 0:
        return insert_word(chance, content, words)
    word = chance.choice([*words, *ODD, b"", b"A" * 300])
    return content[: start + 1] + word + content[end:]


def drop_span(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Some bytes are gone."""
    start, end = _span(chance, content)
    return content[:start] + content[end:]


def repeat_span(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Some bytes come twice, or often."""
    start, end = _span(chance, content)
    times = chance.choice((2, 2, 3, 40))
    return content[:start] + content[start:end] * times + content[end:]


def cut_end(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """The rest never arrived."""
    return content[: chance.randrange(len(content) + 1)]


def cut_start(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """The beginning is gone."""
    return content[chance.randrange(len(content) + 1) :]


def shuffle_lines(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Lines in another order, some missing, some twice."""
    lines = content.split(b"\n")
    for _ in range(chance.randint(1, 6)):
        here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
        deed = chance.random()
        if deed < 0.5:
            lines[here], lines[there] = lines[there], lines[here]
        elif deed < 0.75:
            lines.insert(there, lines[here])
        elif len(lines) > 1:
            del lines[here]
    return b"\n".join(lines)


def join_lines(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Line ends lost, doubled or of another kind."""
    kind = chance.choice((b"", b" ", b"\r\n", b"\r", b"\n\n", b"\n\r", b"\x0b"))
    if chance.random() < 0.5:
        return content.replace(b"\n", kind)
    return content.replace(b"\n", kind, chance.randint(1, 4))


def change_encoding(chance: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """The same text in another encoding, or with its mark."""
    text = content.decode("latin-1")
    names = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-8", "cp500")
    return text.encode(chance.choice(names), "replace")


def grow_line(chance: random.Random, content: bytes, words: Sequence[bytes]) -> bytes:
    """One field of a hundred kilobytes or more."""
    place = chance.randrange(len(content) + 1)
    word = chance.choice([b"A", b" ", b"9", b"\\", b";", b'"', *words])
    size = chance.choice((5_000, 100_000, 1_200_000))
    return content[:place] + word * (size // len(word)) + content[place:]


TEXT_MUTATORS: tuple[Mutator, ...] = (
    *(
        flip_bytes,
        insert_word,
        insert_word,
        replace_field,
        replace_field,
        replace_field,
    ),
    *(drop_span, repeat_span, cut_end, cut_start, shuffle_lines, shuffle_lines),
    *(join_lines, change_encoding),
)
#: Slower ones, done once in a while.
HEAVY_MUTATORS: tuple[Mutator, ...] = (grow_line,)


def mutate(
    chance: random.Random, content: bytes, vocabulary: Sequence[bytes] = ()
) -> tuple[str, bytes]:
    """`content` after one to three random deeds, and what they were."""
    names = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        heavy = chance.random() < 0.01
        deed = chance.choice(HEAVY_MUTATORS if heavy else TEXT_MUTATORS)
        content = deed(chance, content, vocabulary)
        names.append(deed.__name__)
    return "+".join(names), content


def mutations(
    *,
    seed: int,
    samples: Sequence[bytes],
    count: int,
    vocabulary: Sequence[bytes] = (),
) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files, each named by its number and the deeds done to it."""
    for number in range(count):
        chance = random.Random(f"{seed}:{number}")
        deeds, content = mutate(chance, chance.choice(samples), vocabulary)
        yield f"{seed}:{number} {deeds}", content


def wrap(chance: random.Random, name: str, content: bytes) -> tuple[str, bytes]:
    """A file as it is, or in a ZIP, gzip or ZIP of ZIPs that may be damaged itself."""
    deed = chance.random()
    if deed < 0.4:
        return name, content
    if deed < 0.5:
        packed = gzip.compress(content, 1, mtime=0)
        return f"{name}.gz", _sometimes_damaged(chance, packed)
    inner = zip_of(chance, {name: content, "readme.txt": b"licence"})
    if deed < 0.8:
        return "20240617.zip", _sometimes_damaged(chance, inner)
    outer = zip_of(chance, {"20240617.zip": _sometimes_damaged(chance, inner)})
    return "2024.zip", _sometimes_damaged(chance, outer)


def zip_of(chance: random.Random, members: dict[str, bytes]) -> bytes:
    """A ZIP, with the odd name and method that strangers use."""
    buffer = io.BytesIO()
    method = chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name that comes twice
        for name, content in members.items():
            if chance.random() < 0.05:
                name = chance.choice(
                    ("../" + name, "/" + name, "a\\" + name, "é" + name)
                )
            archive.writestr(name, content)
            if chance.random() < 0.03:
                archive.writestr(name, content)
    return buffer.getvalue()


def _sometimes_damaged(chance: random.Random, content: bytes) -> bytes:
    if chance.random() < 0.7:
        return content
    deed = chance.choice((flip_bytes, cut_end, cut_start, drop_span, repeat_span))
    return deed(chance, content, ())


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError from whatever still runs after `seconds` (main thread)."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
