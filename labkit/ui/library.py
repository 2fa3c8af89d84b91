"""The dialogues that the lab can show: the bundled lives, the command line's file, uploads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Dialogue, Example
from labkit.sources.lives import Split, split_of
from labkit.synthesis.splits import SPLITS
from labkit.ui.kept import Kept

MAX_UPLOAD_BYTES = 16 * 2**20
MAX_UPLOAD_MEMORIES = 5_000
"""In one dialogue: a first stage has to embed them all while somebody waits."""
UPLOADS_KEPT = 16

BUNDLED = "bundled"
DATA = "data"


def unique(names: Iterable[str]) -> Iterator[str]:
    """The names, the second and later of equal ones marked: a picker needs each value once."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} #{seen[name]}"


@dataclass(frozen=True, slots=True)
class Collection:
    """Dialogues from one place, by a name that is unique among them.

    ``splits`` names the split of each dialogue, as ``labkit train`` would use it.
    """

    key: str
    title: str
    dialogues: dict[str, Dialogue]
    splits: dict[str, Split]

    @classmethod
    def of(
        cls,
        key: str,
        title: str,
        dialogues: Sequence[Dialogue],
        splits: Sequence[Split] | None = None,
    ) -> Collection:
        """``splits``, where given, is as long as ``dialogues``; without, everything is train."""
        names = list(unique(dialogue.id for dialogue in dialogues))
        given: Sequence[Split] = ["train"] * len(names) if splits is None else splits
        return cls(
            key,
            title,
            dict(zip(names, dialogues, strict=True)),
            dict(zip(names, given, strict=True)),
        )

    def examples(self, split: Split) -> list[Example]:
        """What is asked in a split, dialogue by dialogue."""
        return [
            example
            for name, dialogue in self.dialogues.items()
            if self.splits[name] == split
            for example in dialogue.examples
        ]


def examples_of(dialogue: Dialogue) -> dict[str, Example]:
    """What is asked of a dialogue, by a name that is unique among it."""
    names = unique(example.id for example in dialogue.examples)
    return dict(zip(names, dialogue.examples, strict=True))


class Library:
    """Fixed collections, and the last few that people brought.

    What was uploaded is kept in memory only, under a hash of its content, and is forgotten when
    others push it out or the lab stops.
    """

    def __init__(self, fixed: Sequence[Collection]) -> None:
        self.fixed = {collection.key: collection for collection in fixed}
        self._uploads: Kept[str, Collection] = Kept(UPLOADS_KEPT)

    def collection(self, key: str) -> Collection:
        """
        Raises:
            InputError: there is none of this key (any more).
        """
        found = self.fixed.get(key) or self._uploads.get(key)
        if found is None:
            raise InputError("this upload is no longer kept, please open the file again")
        return found

    def dialogue(self, collection: str, name: str) -> Dialogue:
        """
        Raises:
            InputError: the collection, or the dialogue in it, is not there.
        """
        dialogues = self.collection(collection).dialogues
        if name not in dialogues:
            raise InputError(f"no dialogue {name!r} here, expected one of the list")
        return dialogues[name]

    def find(self, name: str) -> tuple[str, str] | None:
        """Collection and name of a dialogue that a link asks for; uploads have no links."""
        for collection in reversed(self.fixed.values()):
            if name in collection.dialogues:
                return collection.key, name
        return None

    def add_file(self, path: Path, name: str) -> Collection:
        """Read an uploaded file.

        Raises:
            InputError: it is too large, of no known form, or holds no memory.
        """
        from labkit.sources import read_dialogues

        size = path.stat().st_size
        if size > MAX_UPLOAD_BYTES:
            raise InputError(
                f"{name} has {size / 2**20:.0f} MiB, expected at most {MAX_UPLOAD_BYTES >> 20}; "
                "start the lab with it instead: python app.py --data FILE"
            )
        key = f"file-{hashlib.sha256(path.read_bytes()).hexdigest()}"
        try:
            dialogues = list(read_dialogues(path))
        except InputError as error:
            # The reader names the server's copy; say the person's own name for it.
            raise InputError(str(error).replace(str(path), name)) from None
        return self._add(key, name, dialogues)

    def add_text(self, text: str) -> Collection:
        """Read a pasted chat with speakers.

        Raises:
            InputError: the text is too long or has no speakers.
        """
        from labkit.sources.chats import parse_chat_text

        data = text.encode("utf-8", "replace")
        if len(data) > MAX_UPLOAD_BYTES:
            raise InputError(f"the pasted text is too long, expected {MAX_UPLOAD_BYTES >> 20} MiB")
        if not text.strip():
            raise InputError(
                "nothing was pasted, expected lines such as  Ana: the roof leaks again"
            )
        dialogue = parse_chat_text(text)
        return self._add(f"text-{hashlib.sha256(data).hexdigest()}", "Pasted chat", [dialogue])

    def _add(self, key: str, title: str, dialogues: Sequence[Dialogue]) -> Collection:
        if not any(dialogue.memories for dialogue in dialogues):
            raise InputError(f"{title} holds no memory, expected at least one line of a dialogue")
        for dialogue in dialogues:
            if len(dialogue.memories) > MAX_UPLOAD_MEMORIES:
                raise InputError(
                    f"{title}: {dialogue.id} has {len(dialogue.memories):,} memories, "
                    f"expected at most {MAX_UPLOAD_MEMORIES:,}; "
                    "start the lab with it: python app.py --data FILE"
                )
        return self._uploads.put(key, Collection.of(key, title, dialogues))


def open_library(data: Path | None = None, on_note: Callable[[str], None] | None = None) -> Library:
    """The bundled lives, and the dialogues of ``data``.

    Raises:
        InputError: the file cannot be read.
    """
    lives, splits = _read(assets_path() / "lives", on_note)
    collections = [Collection.of(BUNDLED, f"Bundled lives ({len(lives)})", lives, splits)]
    if data is not None:
        dialogues, splits = _read(data, on_note)
        if not dialogues:
            raise InputError(f"{data} holds no dialogue, expected at least one")
        collections.append(Collection.of(DATA, data.name, dialogues, splits))
    return Library(collections)


def _read(place: Path, on_note: Callable[[str], None] | None) -> tuple[list[Dialogue], list[Split]]:
    """Dialogues and their splits, which are those of ``labkit train`` and its ``read_split``."""
    from labkit.sources import read_dialogues

    if (place / "train.jsonl").is_file():
        files = {split: place / f"{split}.jsonl" for split in SPLITS}
        parts = [
            (dialogue, split)
            for split, file in files.items()
            if file.is_file()
            for dialogue in read_dialogues(file, on_note=on_note)
        ]
        return [dialogue for dialogue, _ in parts], [split for _, split in parts]
    dialogues = list(read_dialogues(place, on_note=on_note))
    by_id = place.is_dir()
    return dialogues, [split_of(each.id) if by_id else "train" for each in dialogues]
