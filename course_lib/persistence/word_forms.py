"""The forms in which a word may lie in a database, a dump or a file, and the search for them."""

from __future__ import annotations

import base64
import gzip
import json
import mmap
import os
import pickle
import subprocess
import sys
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

SHORTEST = 6
"""How many letters a form of base64 needs at least; a shorter one is found everywhere."""

LARGEST = 64 * 1024 * 1024
"""How many bytes are unpacked from one compressed value at most."""

DUMP = b"PGDMP"
"""What a compressed dump of `pg_dump -Fc` begins with."""

UNREADABLE = {
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
}
"""What files begin with that are compressed in a form that is not unpacked here."""

DUMP_FORMS = {2: "LZ4", 3: "Zstandard"}
"""How a dump says that its values are compressed in such a form, from version 1.15 of the dump."""


def forms_of(words: Sequence[str]) -> dict[str, list[bytes]]:
    """Return the byte strings to look for, by word.

    A word is looked for as UTF-8 (Korean letters both composed and decomposed), as JSON escapes it
    (`\\uae40`, and `\\\\uae40` where JSON lies in JSON), and as `namespace_label` and an address
    write it (`%EA%B9%80`). Each is also looked for in hexadecimal, as `pg_dump` writes bytes, and
    in base64.

    Args:
        words: what to look for.

    Raises:
        ValueError: it is one text, or a word is empty.
    """
    if isinstance(words, str):
        raise ValueError(f"words={words!r} is one text. Hand over a list of words: [{words!r}].")
    forms = {}
    for word in words:
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"{word!r} is no word to look for: it would be found everywhere.")
        shapes = [unicodedata.normalize(form, word) for form in ("NFC", "NFD")]
        plain = [form for shape in (word, *shapes) for form in _written(shape)]
        plain = list(dict.fromkeys(plain))
        every = [*plain, *(each.hex().encode() for each in plain)]
        every += [part for each in plain for part in _in_base64(each)]
        forms[word] = list(dict.fromkeys(every))
    return forms


def _written(word: str) -> Iterator[bytes]:
    """A word as text, as JSON, as JSON inside JSON, and as the label of a namespace."""
    yield word.encode()
    for ascii_only in (True, False):
        once = json.dumps(word, ensure_ascii=ascii_only)[1:-1]
        yield once.encode()
        yield json.dumps(once)[1:-1].encode()
    yield quote(word, safe="").encode()
    yield quote(word, safe="@ ").replace(".", "%2E").encode()


def words_in(data: bytes | mmap.mmap, forms: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
    """Yield the words that some bytes hold in one of their forms."""
    for word, shapes in forms.items():
        if any(data.find(shape) >= 0 for shape in shapes):
            yield word


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield bytes as they are, and once more decompressed where they are compressed."""
    yield data
    try:
        if data[:2] == b"\x1f\x8b":
            yield gzip.decompress(data)
        elif _is_zlib(data[:2]):
            yield zlib.decompressobj().decompress(data, LARGEST)
    except (OSError, EOFError, zlib.error):
        return  # it only looked compressed


def words_in_files(
    paths: Sequence[Path], forms: Mapping[str, Sequence[bytes]]
) -> list[tuple[str, str]]:
    """Return which file holds which word, searched by a process of its own.

    When a process closes a file it loses all its locks on that file. A process that has an SQLite
    database open must therefore never open the file a second time by other means.

    Args:
        paths: any files.
        forms: what `forms_of` returned.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is compressed in a form that cannot be searched here.
    """
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {str(path)!r} to search.")
    if not paths:
        return []
    names = [str(path.resolve()) for path in paths]
    run = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps((names, dict(forms))),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
        capture_output=True,
        check=True,
    )
    found = pickle.loads(run.stdout)
    if isinstance(found, str):
        raise ValueError(found)
    return [(str(path), word) for path, words in zip(paths, found, strict=True) for word in words]


def words_in_file(path: Path, forms: Mapping[str, Sequence[bytes]]) -> list[str]:
    """Return the words that a file holds, also in the compressed parts of a dump.

    The file is not read into memory at once.

    Args:
        path: any file.
        forms: what `forms_of` returned.

    Raises:
        ValueError: it is compressed in a form that is not unpacked here.
    """
    if path.stat().st_size == 0:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if packed := _unreadable(data[:16]):
            raise ValueError(
                f"{str(path)!r} is compressed by {packed}, so its words cannot be seen. Unpack it, "
                "or make the backup without compression, and search that file."
            )
        found = {*words_in(data, forms)}
        for part in _compressed_parts(data):
            found |= {*words_in(part, forms)}
    return [word for word in forms if word in found]


def _unreadable(head: bytes) -> str | None:
    """The form in which a file is compressed, if it is none of those that are unpacked here."""
    if head.startswith(DUMP) and tuple(head[5:7]) >= (1, 15) and len(head) > 11:
        return DUMP_FORMS.get(head[11])
    return next((name for magic, name in UNREADABLE.items() if head.startswith(magic)), None)


def _compressed_parts(data: bytes | mmap.mmap) -> Iterator[bytes]:
    if data[:2] == b"\x1f\x8b":
        for part in list(unpacked(bytes(data)))[1:]:
            yield part
            yield from _compressed_parts(part)
    if data[: len(DUMP)] != DUMP:
        return
    at = data.find(b"\x78")
    while at >= 0:
        if _is_zlib(data[at : at + 2]):
            yield _inflated(data, at)
        at = data.find(b"\x78", at + 1)


def _inflated(data: bytes | mmap.mmap, at: int) -> bytes:
    """What a zlib stream holds that begins at a place; nothing where none begins there.

    `pg_dump` cuts a stream into blocks, each with its length in front (a byte for the sign and
    four for the number).
    """
    length = int.from_bytes(data[at - 4 : at], "little")
    unpacker, parts, size = zlib.decompressobj(), [], 0
    try:
        while 0 < length <= len(data) - at and not unpacker.eof and size < LARGEST:
            parts.append(unpacker.decompress(data[at : at + length], LARGEST))
            size += len(parts[-1])
            at += length + 5
            length = int.from_bytes(data[at - 4 : at], "little")
    except zlib.error:
        pass
    return b"".join(parts)


def _is_zlib(head: bytes) -> bool:
    return len(head) == 2 and head[0] == 0x78 and int.from_bytes(head, "big") % 31 == 0


def _in_base64(word: bytes) -> Iterator[bytes]:
    """A word's middle in base64, at each of three offsets; its edges depend on what is beside."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + word)
        start = -(-offset * 8 // 6)
        end = (offset + len(word)) * 8 // 6
        if end - start >= SHORTEST:
            yield encoded[start:end]


def main() -> None:
    """Search the files that come over standard input, for `words_in_files`."""
    names, forms = pickle.load(sys.stdin.buffer)
    found: list[list[str]] | str
    try:
        found = [words_in_file(Path(name), forms) for name in names]
    except ValueError as error:
        found = str(error)
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    main()
