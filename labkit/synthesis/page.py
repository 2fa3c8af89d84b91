"""A page of random Examples for a reader who wants to see what people would see."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Sequence

from labkit.records import Example

_MARKS = re.compile(r"([\\`*_\[\]#|~])")


def _safe(text: str) -> str:
    # Texts are data: no markup of theirs may reach the page.
    return _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def examples_page(examples: Sequence[Example], count: int = 20, seed: int = 0) -> str:
    """Markdown of ``count`` random examples: question, context, and the memories that matter.

    Memories without label and negative kind are left out, but counted.
    """
    picked = random.Random(seed).sample(list(examples), min(count, len(examples)))
    parts = [f"# {len(picked)} examples of {len(examples)}\n"]
    for example in picked:
        query = example.query
        parts.append(
            f"## {_safe(query.id)} ({_safe(query.kind or 'no kind')}, asked {query.time})\n"
        )
        parts += [f"> {_safe(turn.speaker)}: {_safe(turn.text)}  " for turn in query.context]
        parts.append(f"\n**{_safe(query.text)}**\n")
        if query.instruction:
            parts.append(f"*Instruction: {_safe(query.instruction)}*\n")
        shown = [
            m for m in example.memories if m.id in example.labels or m.id in example.negative_kinds
        ]
        shown.sort(key=lambda m: -example.label(m.id))
        for memory in shown:
            kind = example.negative_kinds.get(memory.id, "")
            tag = f", {kind}" if kind else ""
            who = _safe(memory.speaker or "")
            parts.append(
                f"- {example.label(memory.id):.1f}{tag} · {memory.time} {who}: {_safe(memory.text)}"
            )
        parts.append(
            f"\n{len(example.memories) - len(shown)} other memories. {_safe(example.why or '')}\n"
        )
    return "\n".join(parts)
