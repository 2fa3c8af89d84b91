"""How varied a text is: distinct-n and self-BLEU, small and of our own."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.,!?;:]")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def distinct(texts: Sequence[str], n: int, tokens: int = 20000) -> float:
    """Different n-grams over all n-grams in the first ``tokens`` words (Li et al. 2016).

    The share falls with the length of a text, so two texts are compared at the same length only.
    """
    grams: Counter[tuple[str, ...]] = Counter()
    count = 0
    for text in texts:
        words = words_of(text)
        grams.update(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        count += len(words)
        if count >= tokens:
            break
    total = sum(grams.values())
    return len(grams) / total if total else 0.0


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def self_bleu(texts: Sequence[str], sample: int = 300, seed: int = 0) -> float:
    """Mean BLEU-4 of a text against all others of a sample (Zhu et al. 2018); high is monotonous.

    Smoothed by adding one to numerator and denominator from 2-grams on.
    """
    rng = random.Random(seed)
    picked = [words_of(t) for t in rng.sample(list(texts), min(sample, len(texts)))]
    picked = [words for words in picked if len(words) >= 4]
    tables: dict[int, list[Counter[tuple[str, ...]]]] = {
        n: [_grams(words, n) for words in picked] for n in range(1, 5)
    }
    tops: dict[int, dict[tuple[str, ...], tuple[int, int, int]]] = {}
    for n, rows in tables.items():
        top: dict[tuple[str, ...], tuple[int, int, int]] = {}
        for i, row in enumerate(rows):
            for gram, count in row.items():
                first, owner, second = top.get(gram, (0, -1, 0))
                if count > first:
                    top[gram] = (count, i, first)
                elif count > second:
                    top[gram] = (first, owner, count)
        tops[n] = top
    lengths = [len(words) for words in picked]
    total = 0.0
    for i, words in enumerate(picked):
        logs = 0.0
        for n in range(1, 5):
            row = tables[n][i]
            matched = 0
            for gram, count in row.items():
                first, owner, second = tops[n][gram]
                matched += min(count, second if owner == i else first)
            possible = sum(row.values())
            add = 0 if n == 1 else 1
            logs += math.log(max(matched + add, 1e-9) / max(possible + add, 1e-9)) / 4
        others = [length for j, length in enumerate(lengths) if j != i]
        near = min(others, key=lambda length: abs(length - len(words)), default=len(words))
        brevity = min(0.0, 1 - near / len(words))
        total += math.exp(logs + brevity)
    return total / len(picked) if picked else 0.0
