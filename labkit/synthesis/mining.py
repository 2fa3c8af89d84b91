"""Hard negatives for questions that bring few candidates, or too many.

Negatives are taken from the other memories of the set by BM25 and dense retrieval, fused. What is
too near to be safely wrong is left out: the filter is TopK-MarginPos of Moreira et al.,
"NV-Retriever: Improving text embedding models with effective hard-negative mining", 2024, with the
packaged MiniLM as its judge; and a text that holds the answer is never a negative.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import RELEVANT, Example, Memory
from labkit.rendering import render_memory, render_search
from labkit.retrieval.bm25 import BM25
from labkit.retrieval.first_stage import RRF_K
from labkit.retrieval.minilm import DECIMALS, embed
from labkit.sources.published import normal

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

DEPTH = 200
"""How many of each retriever's best are fused."""

ALONE = 0.6
"""The cosine that stands in for the evidence's where a question has none, not even a near miss."""

_BLOCK = 256


class Pool:
    """Memories to mine from: each text once, one BM25 index and one matrix of vectors for all."""

    def __init__(
        self, memories: Iterable[Memory], on_progress: OnProgress = lambda what, i, n: None
    ) -> None:
        distinct: dict[str, Memory] = {}
        for memory in memories:
            distinct.setdefault(render_memory(memory), memory)
        self.texts = tuple(distinct)
        self.memories = tuple(distinct.values())
        self._row_of = {text: row for row, text in enumerate(self.texts)}
        self._words: dict[int, str] = {}
        self._on_progress = on_progress

    def __len__(self) -> int:
        return len(self.texts)

    def row_of(self, memory: Memory) -> int:
        """The row with the memory's text.

        Raises:
            InputError: there is none.
        """
        row = self._row_of.get(render_memory(memory))
        if row is None:
            raise InputError(
                f"memory {memory.id} is not in the pool, expected the Examples' own memories there"
            )
        return row

    def words(self, row: int) -> str:
        """The text of a row as :func:`labkit.sources.published.normal` has it."""
        if row not in self._words:
            self._words[row] = normal(self.memories[row].text)
        return self._words[row]

    @cached_property
    def bm25(self) -> BM25:
        return BM25(self.texts)

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        # Texts of like length make the fullest batches, so they are sorted over the whole pool.
        order = sorted(range(len(self)), key=lambda row: len(self.texts[row]))
        vectors: NDArray[np.float32] | None = None
        for start in range(0, len(order), 2048):
            rows = order[start : start + 2048]
            part = embed([self.texts[row] for row in rows])
            if vectors is None:
                vectors = np.zeros((len(self), part.shape[1]), dtype=np.float32)
            vectors[rows] = part
            self._on_progress("embedding", start + len(rows), len(order))
        return embed([]) if vectors is None else vectors


def search_text(example: Example) -> str:
    """What is searched for: the rewrite that needs no context where the set has one."""
    rewrite = example.extra.get("rewrite")
    return rewrite if isinstance(rewrite, str) else render_search(example.query)


def mine_negatives(
    examples: Iterable[Example],
    pool: Pool | Iterable[Memory],
    *,
    per_query: int = 15,
    random_negatives: int = 4,
    margin: float = 0.05,
    max_memories: int = 32,
    seed: int = 0,
    labelled_in_full: bool = False,
    left_out: Counter[str] | None = None,
) -> Iterator[Example]:
    """Stream the Examples with mined negatives, at most ``max_memories``, in a shuffled order.

    Kept are the memories with a label above 0 or a negative kind (of more relevant ones than half
    the list holds, a random half list), and with ``labelled_in_full`` the other memories of the
    Example too, the hardest first where they are too many. Then come ``per_query`` memories of the
    pool, best first by BM25 and cosine, fused, which become ``same_topic`` negatives, and
    ``random_negatives`` drawn from all of it. A candidate from the pool is left out, and counted in
    ``left_out`` with the reason, where

    * it holds an answer (``answers`` in the Example's extra) word by word,
    * its cosine to the query is above that of the best evidence less ``margin`` (of the near miss,
      where nothing is relevant): it may be an answer that nobody marked, or
    * the query's context says it already.

    An order depends on the seed and the Example's id only, so a subset is mined as the whole is.

    Args:
        pool: the memories to mine from: those of the same split, or texts leak between splits. The
            Examples' own are among them: a :class:`Pool` has them already, else they are added, for
            which all Examples are held in memory.

    Raises:
        InputError: a number is out of its range, or a memory of an Example is not in the Pool.
    """
    if per_query < 0 or random_negatives < 0 or max_memories < 2 or margin < 0:
        raise InputError(
            f"per_query {per_query}, random_negatives {random_negatives}, margin {margin}, "
            f"max_memories {max_memories}: expected none below 0 and at least 2 memories"
        )
    if isinstance(pool, Pool):
        shared = pool
    else:
        examples = list(examples)
        shared = Pool(chain(pool, *(example.memories for example in examples)))
    counts: Counter[str] = Counter() if left_out is None else left_out
    mining = per_query > 0 or random_negatives > 0
    stream = iter(examples)
    while block := list(islice(stream, _BLOCK)):
        searches = [search_text(example) for example in block]
        crowded = any(len(example.memories) > max_memories for example in block)
        if len(shared) and (mining or crowded):
            cosines = (embed(searches) @ shared.vectors.T).round(DECIMALS)
        else:
            cosines = np.zeros((len(block), len(shared)), dtype=np.float32)
        for example, search, near in zip(block, searches, cosines, strict=True):
            rng = random.Random(f"{seed}:{example.id}")
            one = _Mined(example, search, near, shared, margin, rng, counts)
            one.keep(max_memories, labelled_in_full)
            if mining:
                one.add_hard(min(per_query, max_memories - len(one.chosen)))
                one.add_random(min(random_negatives, max_memories - len(one.chosen)))
            yield one.example()


class _Mined:
    """One Example on its way: what is chosen so far, and the ranks of the pool for its query."""

    def __init__(
        self,
        example: Example,
        search: str,
        cosines: NDArray[np.float32],
        pool: Pool,
        margin: float,
        rng: random.Random,
        left_out: Counter[str],
    ) -> None:
        self._example = example
        self._search = search
        self._cosines = cosines
        self._pool = pool
        self._rng = rng
        self._left_out = left_out
        self.chosen: list[Memory] = []
        self._mined: list[Memory] = []
        self._taken = {pool.row_of(m) for m in example.memories if self._is_known(m)}
        self._limit = self._reference() - margin
        answers = example.extra.get("answers") or ()
        words = (normal(answer) for answer in answers if isinstance(answer, str))
        self._answers = [answer for answer in words if answer.strip()]
        self._said = {normal(turn.text) for turn in example.query.context}

    def _is_known(self, memory: Memory) -> bool:
        known = self._example
        return known.label(memory.id) > 0 or memory.id in known.negative_kinds

    def _reference(self) -> float:
        """The cosine of the best evidence; of the nearest miss where there is none."""
        for relevant in (True, False):
            found = [
                float(self._cosines[self._pool.row_of(memory)])
                for memory in self._example.memories
                if (label := self._example.label(memory.id)) > 0 and (label >= RELEVANT) == relevant
            ]
            if found:
                return max(found)
        return ALONE

    def keep(self, most: int, labelled_in_full: bool) -> None:
        """Choose among the Example's own memories."""
        example = self._example
        relevant = [m for m in example.memories if m.id in example.relevant]
        if len(relevant) > most // 2:
            self._left_out["relevant beyond half the list"] += len(relevant) - most // 2
            relevant = self._rng.sample(relevant, most // 2)
        self.chosen = relevant
        known = [m for m in example.memories if self._is_known(m) and m.id not in example.relevant]
        self._fill(known, most)
        if labelled_in_full:
            self._fill([m for m in example.memories if not self._is_known(m)], most)
        self._taken.update(self._pool.row_of(memory) for memory in self.chosen)

    def _fill(self, memories: Sequence[Memory], most: int) -> None:
        """Add as many as there is room for: three quarters the hardest, the rest at random."""
        room = most - len(self.chosen)
        if len(memories) <= room:
            self.chosen += memories
            return
        self._left_out["own beyond the list"] += len(memories) - room
        rows = [self._pool.row_of(memory) for memory in memories]
        order = self._fused(np.array(rows, dtype=np.intp))
        hard = room - room // 4
        self.chosen += (memories[i] for i in order[:hard])
        self.chosen += (memories[i] for i in self._rng.sample(list(order[hard:]), room - hard))

    @cached_property
    def _bm25(self) -> NDArray[np.float64]:
        return self._pool.bm25.search(self._search)

    def _fused(self, rows: NDArray[np.intp]) -> list[int]:
        """Places in ``rows``, best first by reciprocal rank fusion of BM25 and cosine."""
        score: dict[int, float] = {}
        for values in (self._bm25[rows], self._cosines[rows].astype(np.float64)):
            best = np.arange(len(values))
            if len(values) > DEPTH and len(rows) == len(self._pool):
                best = np.sort(np.argpartition(-values, DEPTH)[:DEPTH])
            ordered = best[np.argsort(-values[best], kind="stable")]
            for rank, place in enumerate(ordered.tolist(), 1):
                score[place] = score.get(place, 0.0) + 1 / (RRF_K + rank)
        return sorted(score, key=lambda place: (-score[place], place))

    def _refusal(self, row: int) -> str | None:
        words = self._pool.words(row)
        if words in self._said:
            return "said in the context"
        if any(answer in words for answer in self._answers):
            return "holds the answer"
        if self._cosines[row] > self._limit:
            return "as near as the evidence"
        return None

    def _take(self, row: int) -> bool:
        if row in self._taken:
            return False
        self._taken.add(row)
        refusal = self._refusal(row)
        if refusal:
            self._left_out[refusal] += 1
            return False
        self.chosen.append(self._pool.memories[row])
        return True

    def add_hard(self, wanted: int) -> None:
        """Choose the best of the pool that are no risk."""
        if wanted <= 0 or not len(self._pool):
            return
        for row in self._fused(np.arange(len(self._pool))):
            if self._take(row):
                self._mined.append(self._pool.memories[row])
                wanted -= 1
                if not wanted:
                    return

    def add_random(self, wanted: int) -> None:
        """Choose any of the pool that are no risk; a small pool may not have as many."""
        for _ in range(8 * wanted):
            if wanted <= 0 or not len(self._pool):
                return
            wanted -= self._take(self._rng.randrange(len(self._pool)))

    def example(self) -> Example:
        example = self._example
        memories = list(self.chosen)
        self._rng.shuffle(memories)
        ids = {memory.id for memory in memories}
        kinds = {id_: kind for id_, kind in example.negative_kinds.items() if id_ in ids}
        return replace(
            example,
            memories=tuple(memories),
            labels={id_: label for id_, label in example.labels.items() if id_ in ids},
            negative_kinds={**kinds, **{memory.id: "same_topic" for memory in self._mined}},
        )
