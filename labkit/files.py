"""Writing a file or a folder so that it appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from labkit.errors import InputError

UNFINISHED = ".labkit-"
"""How the name of a temporary file begins; one is left where a process was killed."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into that becomes ``path`` at the end; its folder is made where missing.

    It is a temporary file beside it that is then renamed: whatever fails leaves ``path`` as it was
    and nothing beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 (renamed below, so not a context)
        "wb", dir=path.parent, prefix=UNFINISHED, delete=False
    )
    try:
        with handle:
            yield handle.file
        os.chmod(handle.name, 0o644)  # a temporary file starts as 0600
        os.replace(handle.name, path)
    except BaseException:
        os.unlink(handle.name)
        raise


def write_whole(path: Path, parts: Iterable[str]) -> None:
    """Write ``parts`` one after another as UTF-8 into ``path``, as :func:`whole_file` does.

    An iterable that raises counts as a failure.
    """
    with whole_file(path) as handle:
        for part in parts:
            handle.write(part.encode())


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write into that becomes ``path`` at the end, in place of what was there.

    It stands beside it until then: whatever fails leaves ``path`` as it was and nothing beside it.
    """
    part = path.with_name(f"{UNFINISHED}{path.name}")
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed while it wrote
    part.mkdir(parents=True)
    try:
        yield part
        if path.is_dir():
            shutil.rmtree(path)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def expect_folder(path: Path) -> None:
    """Refuse a file where a folder is to be written into; one that is not there is made later.

    Raises:
        InputError: it is a file.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file, expected a folder to write into")
