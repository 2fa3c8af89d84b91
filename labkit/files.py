"""Writing a file so that it appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
