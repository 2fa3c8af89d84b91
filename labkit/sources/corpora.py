"""The published sets that the lab reads: what reads each, its licence, and where to get it.

Nothing of them is shipped. Those that may train become stage-0 Examples with ``labkit import``
(:func:`labkit.synthesis.importing.import_corpus`); the rest can only be measured on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labkit.records import Dialogue
from labkit.sources import (
    canard,
    covidqa,
    ecare,
    friendsqa,
    ikat,
    memora,
    nq,
    pubmedqa,
    qmsum,
    squad,
    tatqa,
    timeqa,
)


class Reader(Protocol):
    """What every reader of a set can be called as."""

    def __call__(
        self, path: Path, *, on_note: Callable[[str], None] | None = None
    ) -> Iterator[Dialogue]: ...


@dataclass(frozen=True, slots=True)
class Corpus:
    """One published set.

    ``read`` and ``files`` (patterns of the files that it reads) are None and empty where the lab
    does not import it. ``mined`` says that its questions come with too few candidates, so that
    negatives are mined from the rest of the set; ``labelled_in_full`` that a memory of a question
    without a label is known not to answer it.
    """

    name: str
    licence: str
    source: str
    may_train: bool
    read: Reader | None = None
    files: tuple[str, ...] = ()
    mined: bool = False
    labelled_in_full: bool = True
    why_not: str = ""


def _set(
    name: str,
    read: Reader,
    files: tuple[str, ...],
    licence: str,
    source: str,
    *,
    mined: bool = False,
    labelled_in_full: bool = True,
) -> Corpus:
    return Corpus(name, licence, source, True, read, files, mined, labelled_in_full)


def _refused(name: str, licence: str, source: str, why_not: str) -> Corpus:
    return Corpus(name, licence, source, may_train=False, why_not=why_not)


_ALL = (
    _set(
        "squad",
        squad.read_squad,
        squad.FILES,
        "CC BY-SA 4.0",
        "https://rajpurkar.github.io/SQuAD-explorer (train-v2.0.json, dev-v2.0.json)",
        mined=True,
        labelled_in_full=False,
    ),
    _set(
        "nq",
        nq.read_nq,
        nq.FILES,
        "MIT (packing), CC BY-SA (Wikipedia's passages)",
        "https://github.com/nelson-liu/lost-in-the-middle (qa_data/nq-open-oracle.jsonl.gz)",
        mined=True,
        labelled_in_full=False,
    ),
    _set(
        "tatqa",
        tatqa.read_tatqa,
        tatqa.FILES,
        "CC BY 4.0",
        "https://github.com/NExTplusplus/TAT-QA (dataset_raw/tatqa_dataset_*.json)",
    ),
    _set(
        "pubmedqa",
        pubmedqa.read_pubmedqa,
        pubmedqa.FILES,
        "MIT",
        "https://github.com/pubmedqa/pubmedqa (data/ori_pqal.json)",
        mined=True,
    ),
    _set(
        "covidqa",
        covidqa.read_covidqa,
        covidqa.FILES,
        "Apache-2.0",
        "https://github.com/deepset-ai/COVID-QA (data/question-answering/)",
        mined=True,
        labelled_in_full=False,
    ),
    _set(
        "canard",
        canard.read_canard,
        canard.FILES,
        "CC BY-SA 4.0",
        "https://github.com/aagohary/canard (data/release/*.json)",
        mined=True,
        labelled_in_full=False,
    ),
    _set(
        "timeqa",
        timeqa.read_timeqa,
        timeqa.FILES,
        "BSD-3-Clause",
        "https://github.com/wenhuchen/Time-Sensitive-QA (dataset/human_annotated_*.json)",
        mined=True,
        labelled_in_full=False,
    ),
    _set(
        "friendsqa",
        friendsqa.read_friendsqa,
        friendsqa.FILES,
        "Apache-2.0",
        "https://github.com/emorynlp/FriendsQA (dat/friendsqa_*.json)",
    ),
    _set(
        "ecare",
        ecare.read_ecare,
        ecare.FILES,
        "MIT",
        "https://github.com/Waste-Wood/e-CARE (dataset/Causal_Reasoning/*.jsonl)",
        mined=True,
    ),
    _set(
        "qmsum",
        qmsum.read_qmsum,
        qmsum.FILES,
        "MIT",
        "https://github.com/Yale-LILY/QMSum (data/*/jsonl/*.jsonl)",
    ),
    _set(
        "ikat",
        ikat.read_ikat,
        ikat.FILES,
        "MIT",
        "https://github.com/irlabamsterdam/iKAT (2023/data/*_topics.json)",
    ),
    _set(
        "memora",
        memora.read_memora,
        memora.FILES,
        "Apache-2.0",
        "https://github.com/geniesinc/Memora (data/weekly and beside it)",
    ),
    _refused(
        "locomo",
        "CC BY-NC 4.0",
        "https://github.com/snap-research/locomo",
        "its licence is non-commercial, and it is the benchmark; measure with: labkit eval FILE",
    ),
    _refused(
        "prefeval",
        "CC BY-NC 4.0",
        "https://github.com/amazon-science/PrefEval",
        "its licence is non-commercial",
    ),
    _refused(
        "mudoco",
        "CC BY-NC 4.0",
        "https://github.com/facebookresearch/mudoco",
        "its licence is non-commercial",
    ),
    _refused(
        "reccon",
        "CC BY-NC-SA 4.0 (DailyDialog's)",
        "https://github.com/declare-lab/RECCON",
        "its dialogues are non-commercial",
    ),
    _refused(
        "cicero_v2",
        "MIT, over CC BY-NC-SA 4.0 (DailyDialog's)",
        "https://github.com/declare-lab/CICERO",
        "its dialogues are non-commercial",
    ),
)

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in _ALL}
"""All published sets by name."""
