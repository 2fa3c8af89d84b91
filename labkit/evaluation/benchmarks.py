"""Benchmarks: a set, and the protocol under which a number on it means something.

The protocol says what is asked, what the candidates are and what counts as relevant. Of sets that
may also train a student, what ``labkit import`` keeps out of training can be asked alone.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Dialogue, Example, example_to_json, memory_to_json
from labkit.sources import lives, read_dialogues
from labkit.sources.covidqa import FILES as COVIDQA_FILES
from labkit.sources.covidqa import read_covidqa
from labkit.sources.ikat import read_ikat
from labkit.sources.locomo import read_locomo
from labkit.sources.longmemeval import read_longmemeval
from labkit.sources.memora import read_memora
from labkit.sources.published import set_files
from labkit.sources.pubmedqa import FILES as PUBMEDQA_FILES
from labkit.sources.pubmedqa import read_pubmedqa
from labkit.sources.tatqa import read_tatqa
from labkit.synthesis.splits import GENERATED

OnNote = Callable[[str], None]
OnBad = Callable[[InputError], None]
Read = Callable[[Path, str, OnNote, OnBad | None], Iterator[Dialogue]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark as data.

    Attributes:
        about: what it asks, in one sentence.
        source: where its file is to be had; empty where it comes with labkit or is the user's.
        file: what the path has to name.
        candidates: the memories that a query chooses among, before the first stage.
        relevant: what counts as relevant.
        splits: names that can follow a colon; the first one is meant where none is given.
        shipped: its place below ``assets/``, where it comes with labkit.
        published: sha256 of the files that this protocol was written for.
        read: from path and split to Dialogues.
    """

    name: str
    about: str
    licence: str
    source: str
    file: str
    candidates: str
    relevant: str
    read: Read
    splits: tuple[str, ...] = ("all",)
    shipped: str = ""
    published: frozenset[str] = frozenset()

    def protocol(self) -> dict[str, Any]:
        """What a result file says of it."""
        return {
            "name": self.name,
            "about": self.about,
            "licence": self.licence,
            "source": self.source,
            "candidates": self.candidates,
            "relevant": self.relevant,
        }


# --- readers -------------------------------------------------------------------------------------


def _locomo(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    left_out: Counter[str] = Counter()

    def asked(example: Example) -> bool:
        adversarial = example.query.kind == "adversarial"
        if adversarial != bool(example.relevant):
            return True
        left_out["adversarial with an answer" if adversarial else "without readable evidence"] += 1
        return False

    yield from _asked(read_locomo(path, on_note=note), asked)
    for why, count in sorted(left_out.items()):
        note(f"{count} questions {why} are left out")


def _longmemeval(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    return read_longmemeval(path, on_note=note)


def _longmemeval_sessions(
    path: Path, split: str, note: OnNote, on_bad: OnBad | None
) -> Iterator[Dialogue]:
    return read_longmemeval(path, granularity="sessions", on_note=note)


def _memora(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    return read_memora(path, on_note=note)


def _memora_sessions(
    path: Path, split: str, note: OnNote, on_bad: OnBad | None
) -> Iterator[Dialogue]:
    return read_memora(path, granularity="sessions", on_note=note)


def _ikat(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    return _of_split(read_ikat(path, on_note=note), split)


def _lives(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    for life in lives.read_lives(path, on_bad):
        if lives.split_of(life.id) == split:
            yield life


def _finance(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    return _of_split(read_tatqa(path, on_note=note), split)


def _medical(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    problems = []
    for name, files, read in (
        ("pubmedqa", PUBMEDQA_FILES, _pubmedqa),
        ("covidqa", COVIDQA_FILES, _covidqa),
    ):
        try:
            if path.is_dir():
                set_files(path, *files)
        except InputError as error:  # of a folder that holds the other set alone
            problems.append(error)
            continue
        try:
            found = [*read(path, split, note)]
        except InputError as error:
            if path.is_dir():
                raise  # it is there and damaged
            problems.append(error)  # a file is of one set, and the other's reader says so
            continue
        for dialogue in found:
            kinds = (replace(e, query=replace(e.query, kind=name)) for e in dialogue.examples)
            yield replace(dialogue, examples=tuple(kinds))
    if len(problems) == 2:
        raise problems[0]


def _pubmedqa(path: Path, split: str, note: OnNote) -> Iterator[Dialogue]:
    # All sections of a paper are relevant to its own question, so the others' stand beside them.
    papers = list(read_pubmedqa(path, on_note=note))
    pool = tuple(memory for paper in papers for memory in paper.memories)
    wanted = (e for paper in _of_split(papers, split) for e in paper.examples)
    asked = tuple(replace(example, memories=pool) for example in wanted)
    if asked:
        yield Dialogue("pubmedqa", "PubMedQA", pool, asked)


def _covidqa(path: Path, split: str, note: OnNote) -> Iterator[Dialogue]:
    return _of_split(read_covidqa(path, on_note=note), split)


def _examples(path: Path, split: str, note: OnNote, on_bad: OnBad | None) -> Iterator[Dialogue]:
    return read_dialogues(path, on_bad=on_bad, on_note=note)


def _asked(dialogues: Iterable[Dialogue], wanted: Callable[[Example], bool]) -> Iterator[Dialogue]:
    for dialogue in dialogues:
        kept = tuple(example for example in dialogue.examples if wanted(example))
        if kept:
            yield replace(dialogue, examples=kept)


def _of_split(dialogues: Iterable[Dialogue], split: str) -> Iterator[Dialogue]:
    """What ``labkit import`` puts into this split; ``all`` is everything."""
    if split == "all":
        yield from dialogues
        return

    def kept(example: Example) -> bool:
        return lives.split_of(str(example.extra["group"]), GENERATED) == split

    yield from _asked(dialogues, kept)


# --- the benchmarks ------------------------------------------------------------------------------

_LONGMEMEVAL = "https://huggingface.co/datasets/xiaowu0162/longmemeval-cleaned"

_ALL = (
    Benchmark(
        name="locomo",
        about="Questions about ten long conversations of two friends: several hops, time, common "
        "sense, single facts, and adversarial ones that the conversation does not answer.",
        licence="CC BY-NC 4.0: to measure with, never to train on",
        source="https://github.com/snap-research/locomo (data/locomo10.json)",
        file="locomo10.json",
        candidates="all turns of the conversation (speaker, date of the session, words, caption "
        "of a photo)",
        relevant="the turns of the evidence. Ranking: categories 1 to 4 with readable evidence. "
        "Abstention: these against category 5, whose evidence is a near miss",
        read=_locomo,
        published=frozenset(("79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4",)),
    ),
    Benchmark(
        name="longmemeval",
        about="500 questions, each about a chat history of its own: one session or several, "
        "preferences, updated facts, time, and 30 that the history does not answer.",
        licence="MIT",
        source=f"{_LONGMEMEVAL} (longmemeval_s_cleaned.json)",
        file="longmemeval_s_cleaned.json, longmemeval_oracle.json or one of their form",
        candidates="all turns of the question's history, the user's and the assistant's",
        relevant="the turns with has_answer; of an updated fact the old and the new one. "
        "Questions ending in _abs have none; one without any such turn is left out",
        read=_longmemeval,
    ),
    Benchmark(
        name="longmemeval-sessions",
        about="LongMemEval with whole sessions as memories.",
        licence="MIT",
        source=f"{_LONGMEMEVAL} (longmemeval_s_cleaned.json)",
        file="as for longmemeval",
        candidates="all sessions of the question's history",
        relevant="the sessions in answer_session_ids. Questions ending in _abs have none",
        read=_longmemeval_sessions,
    ),
    Benchmark(
        name="memora",
        about="Questions about weeks of sessions between a persona and its assistant, in which "
        "things are changed and deleted.",
        licence="Apache-2.0",
        source="https://github.com/geniesinc/Memora (data/weekly)",
        file="a folder with PERSONA/evaluation_questions_PERSONA.json and PERSONA/conversations",
        candidates="all turns of the persona that are marked as shared with memory",
        relevant="the turns of the sessions named as evidence; those of what was deleted or "
        "replaced are near misses. labkit import memora trains on all of it: do not ask a student "
        "of that",
        read=_memora,
    ),
    Benchmark(
        name="memora-sessions",
        about="Memora with whole sessions as memories.",
        licence="Apache-2.0",
        source="https://github.com/geniesinc/Memora (data/weekly)",
        file="as for memora",
        candidates="all sessions of the persona",
        relevant="the sessions named as evidence",
        read=_memora_sessions,
    ),
    Benchmark(
        name="ikat",
        about="What a user says to an assistant, in context; some of it draws on personal "
        "statements, most on none.",
        licence="MIT",
        source="https://github.com/irlabamsterdam/iKAT (2023/data/*_topics.json)",
        file="a *_topics.json, or a folder with them",
        candidates="the personal statements of the topic's user, about ten",
        relevant="ptkb_provenance; a turn without one is one to abstain from. all: every topic; "
        "test and dev: what labkit import keeps out of training, few topics",
        read=_ikat,
        splits=("all", "test", "dev"),
        published=frozenset(
            (
                "ff52ac0fd49d6bf337679342867214390a2920e57665586df0455d5054c7032d",
                "ff0c1fe67af03cab4b563f628736ca924b9b450212e0dd66daa2d9a7d1e1a883",
            )
        ),
    ),
    Benchmark(
        name="hardcases",
        about="Queries of nine kinds on which rerankers fail, written one by one: words without "
        "meaning, meaning without words, time, reference, cause, namesakes, numbers, detail, "
        "several hops.",
        licence="Apache-2.0",
        source="",
        file="an Example JSONL whose category is the kind",
        candidates="the memories of the query",
        relevant="label of at least 0.6",
        read=_examples,
        shipped="benchmarks/hardcases.jsonl",
    ),
    Benchmark(
        name="lives",
        about="The authored lives: queries of eleven kinds over the memories of one person.",
        licence="Apache-2.0",
        source="",
        file="a lives JSONL, or a folder with them",
        candidates="all memories of the life, later ones too",
        relevant="label of at least 0.6. Students are trained on the train lives and calibrated "
        "on dev, so test is what they have not seen",
        read=_lives,
        splits=("test", "dev"),
        shipped="lives",
    ),
    Benchmark(
        name="later_lives",
        about="Lives that no student is trained on, of one writer with what the shipped one is.",
        licence="Apache-2.0",
        source="",
        file="a lives JSONL, or a folder with them",
        candidates="all memories of the life, later ones too",
        relevant="label of at least 0.6",
        read=_examples,
        shipped="benchmarks/later_lives.jsonl",
    ),
    Benchmark(
        name="finance",
        about="Questions on finance reports, answered by a table, the text around it, or both.",
        licence="CC BY 4.0",
        source="https://github.com/NExTplusplus/TAT-QA (dataset_raw/tatqa_dataset_dev.json)",
        file="tatqa_dataset_*.json, or a folder with them",
        candidates="the paragraphs of the report and its table in words",
        relevant="rel_paragraphs, and the table where answer_from says so. test and dev: reports "
        "that labkit import keeps out of training",
        read=_finance,
        splits=("test", "dev", "all"),
        published=frozenset(("8da095a819af6db3c14877c6df2d4d29960e41d1a63dd1fa853507bd2a616af5",)),
    ),
    Benchmark(
        name="medical",
        about="Questions on medical papers: PubMedQA and COVID-QA, each a kind.",
        licence="MIT (PubMedQA), Apache-2.0 (COVID-QA)",
        source="https://github.com/pubmedqa/pubmedqa (data/ori_pqal.json); "
        "https://github.com/deepset-ai/COVID-QA (data/question-answering/)",
        file="ori_pqal.json or *covidQA.json, or a folder with one or both",
        candidates="PubMedQA: the sections of all abstracts in the file; COVID-QA: the paper in "
        "runs of sentences",
        relevant="PubMedQA: the sections of the question's own abstract; COVID-QA: the runs that "
        "hold the answer. test and dev: papers that labkit import keeps out of training",
        read=_medical,
        splits=("test", "dev", "all"),
        published=frozenset(
            (
                "8b3276be8942ebbd77f3ddcda12c1749bf0e490045a736fd8438ee40cf37a41d",
                "ab310b4e39f726e087c8fa3d1787c73771dacddc584977204ebe3cc889ee1264",
            )
        ),
    ),
    Benchmark(
        name="examples",
        about="Any file of labelled queries that labkit reads.",
        licence="yours",
        source="",
        file="Example JSONL, lives, or another form that labkit rerank reads",
        candidates="the memories of the query",
        relevant="label of at least 0.6; a memory without a label counts as 0",
        read=_examples,
    ),
)

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
"""All benchmarks by name."""


# --- what is asked -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """The queries of one run on one benchmark.

    ``sha256`` is that of the queries, memories and labels as they are asked, in order, whatever
    file they came from; ``file`` is the last part of the path.
    """

    benchmark: Benchmark
    split: str
    file: str
    dialogues: tuple[Dialogue, ...]
    sha256: str
    sample: dict[str, Any]

    @property
    def title(self) -> str:
        name = self.benchmark.name
        if name == "examples":
            return self.file
        return f"{name}:{self.split}" if len(self.benchmark.splits) > 1 else name

    @property
    def queries(self) -> int:
        return sum(len(dialogue.examples) for dialogue in self.dialogues)


def parse_choice(text: str) -> tuple[Benchmark, str, Path | None]:
    """``NAME``, ``NAME:SPLIT``, ``NAME=PATH`` or ``NAME:SPLIT=PATH``.

    Raises:
        InputError: there is no such benchmark or split.
    """
    choice, _, path = text.partition("=")
    name, _, split = choice.partition(":")
    benchmark = BENCHMARKS.get(name)
    if benchmark is None:
        raise InputError(f"no benchmark {name!r}, expected one of {', '.join(BENCHMARKS)}")
    if split and split not in benchmark.splits:
        raise InputError(
            f"{name} has no split {split!r}, expected one of {', '.join(benchmark.splits)}"
        )
    return benchmark, split or benchmark.splits[0], Path(path) if path else None


def resolve_path(benchmark: Benchmark, path: Path | None) -> Path:
    """The path that was given, or the benchmark's place in this installation.

    Raises:
        InputError: neither is there.
    """
    if path is not None:
        return path
    if benchmark.shipped:
        shipped = assets_path() / benchmark.shipped
        if shipped.exists():
            return shipped
    where = f"; get it from {benchmark.source}" if benchmark.source else ""
    raise InputError(
        f"{benchmark.name} needs a file, expected {benchmark.name}=PATH "
        f"with {benchmark.file}{where}"
    )


def read_benchmark(
    benchmark: Benchmark,
    split: str,
    path: Path | None,
    *,
    kinds: Collection[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
    on_note: OnNote = lambda note: None,
    on_bad: OnBad | None = None,
) -> Asked:
    """Read what is asked.

    Args:
        kinds: only queries of these kinds.
        limit: so many queries, drawn from all by the seed, in the order of the file.
        on_bad: gets the error of a line that is skipped; without it such a line ends the reading.

    Raises:
        InputError: the file is missing, is not of the benchmark's form, or holds no such query.
    """
    source = resolve_path(benchmark, path)
    dialogues = list(benchmark.read(source, split, on_note, on_bad))
    found: Counter[str] = Counter(kind_of(e) for d in dialogues for e in d.examples)
    if kinds is not None:
        wanted = frozenset(kinds)
        dialogues = list(_asked(dialogues, lambda example: kind_of(example) in wanted))
    if not any(dialogue.examples for dialogue in dialogues):
        which = f" of kind {', '.join(kinds)}" if kinds else ""
        there = f"; it has the kinds {', '.join(sorted(found))}" if kinds and found else ""
        raise InputError(
            f"{source} holds no query{which}, expected at least one with labels{there}"
        )
    if limit is not None:
        dialogues = _sampled(dialogues, limit, seed)
    dialogues = [dialogue for dialogue in dialogues if dialogue.examples]
    return Asked(
        benchmark=benchmark,
        split=split,
        file=source.name or str(source),
        dialogues=tuple(dialogues),
        sha256=data_sha256(dialogues),
        sample={"kinds": sorted(kinds) if kinds else None, "limit": limit, "seed": seed},
    )


def kind_of(example: Example) -> str:
    """The kind of a query; ``unnamed`` where its file gives none."""
    return example.query.kind or "unnamed"


def _sampled(dialogues: Sequence[Dialogue], limit: int, seed: int) -> list[Dialogue]:
    places = [(i, j) for i, d in enumerate(dialogues) for j in range(len(d.examples))]
    if limit >= len(places):
        return list(dialogues)
    drawn = frozenset(random.Random(seed).sample(places, limit))
    return [
        replace(d, examples=tuple(e for j, e in enumerate(d.examples) if (i, j) in drawn))
        for i, d in enumerate(dialogues)
    ]


def data_sha256(dialogues: Iterable[Dialogue]) -> str:
    """sha256 of all that a measure can depend on: memories, queries, labels, in order."""
    digest = hashlib.sha256()

    def add(value: object) -> None:
        digest.update(json.dumps(value, ensure_ascii=False, sort_keys=True).encode())
        digest.update(b"\n")

    for dialogue in dialogues:
        add([memory_to_json(memory) for memory in dialogue.memories])
        for example in dialogue.examples:
            # The memories are the dialogue's, so they need not be read once for every query.
            add(example_to_json(replace(example, memories=())))
    return digest.hexdigest()


# --- checking a file -----------------------------------------------------------------------------


def check(benchmark: Benchmark, split: str, path: Path | None, on_note: OnNote) -> dict[str, Any]:
    """What a file holds, counted: to see whether it is the set that the protocol means.

    ``published`` says whether a file that the protocol was written for is there, byte for byte;
    None where none is known.

    Raises:
        InputError: as :func:`read_benchmark`.
    """
    asked = read_benchmark(benchmark, split, path, on_note=on_note)
    examples = [example for dialogue in asked.dialogues for example in dialogue.examples]
    sizes = [len(example.memories) for example in examples]
    relevant = [len(example.relevant) for example in examples]
    published = None
    if benchmark.published:
        published = bool(_file_hashes(resolve_path(benchmark, path)) & benchmark.published)
    return {
        "benchmark": benchmark.name,
        "split": asked.split,
        "file": asked.file,
        "sha256": asked.sha256,
        "published": published,
        "dialogues": len(asked.dialogues),
        "queries": len(examples),
        "with a relevant memory": sum(count > 0 for count in relevant),
        "without one": sum(count == 0 for count in relevant),
        "memories a query": {"least": min(sizes), "median": median(sizes), "most": max(sizes)},
        "relevant memories a query": round(sum(relevant) / len(relevant), 2),
        "kinds": dict(Counter(map(kind_of, examples)).most_common()),
    }


def _file_hashes(path: Path) -> frozenset[str]:
    files = [path] if path.is_file() else sorted(path.rglob("*.json"))
    found = set()
    for file in files:
        with file.open("rb") as handle:
            found.add(hashlib.file_digest(handle, "sha256").hexdigest())
    return frozenset(found)
