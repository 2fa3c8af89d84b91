"""Writing a file so that it appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, parts: Iterable[str]) -> None:
    """Write ``parts`` one after another as UTF-8 into ``path``; its folder is made where missing.

    They go to a temporary file beside it that is then renamed: whatever fails, an iterable that
    raises included, leaves ``path`` as it was and nothing beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 (renamed below, so not a context)
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=".labkit-", delete=False
    )
    try:
        with handle:
            handle.writelines(parts)
        os.chmod(handle.name, 0o644)  # a temporary file starts as 0600
        os.replace(handle.name, path)
    except BaseException:
        os.unlink(handle.name)
        raise
