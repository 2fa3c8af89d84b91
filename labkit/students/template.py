"""Qwen3-Reranker's prompt, exactly, and how our queries and memories fill it.

The text is that of the model's own card (Qwen3-Embedding, arXiv 2506.05176). Three parts are joined
with nothing between them; the score is read at the last token of the last part.
"""

from __future__ import annotations

NAME = "qwen3-reranker-1"

SYSTEM = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and "
    'the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
)
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"

DEFAULT_INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
"""What a stock Qwen3-Reranker was shown most; used where a query has no instruction."""

YES, NO = "yes", "no"


def prefix_text(instruction: str | None, query: str) -> str:
    """All that the candidates of one query share.

    It ends before the blank that follows ``<Document>:``. That blank belongs to the first word of
    the document in a byte-level BPE, so cutting here gives the ids of the whole text.
    """
    return (
        f"{SYSTEM}<Instruct>: {instruction or DEFAULT_INSTRUCTION}\n<Query>: {query}\n<Document>:"
    )


def tail_text(memory: str) -> str:
    """What each candidate adds, without :data:`SUFFIX`."""
    return f" {memory}"


CHAT_TEMPLATE = (
    "{%- set ns = namespace(instruct=" + repr(DEFAULT_INSTRUCTION) + ", query='', document='') -%}"
    "{%- for message in messages -%}"
    "{%- set text = message.content if message.content is string else message.content[0].text -%}"
    "{%- if message.role == 'system' -%}{%- set ns.instruct = text -%}"
    "{%- elif message.role == 'query' -%}{%- set ns.query = text -%}"
    "{%- elif message.role == 'document' -%}{%- set ns.document = text -%}"
    "{%- else -%}{{ raise_exception('roles are system, query and document') }}{%- endif -%}"
    "{%- endfor -%}"
    "{{ "
    + repr(SYSTEM)
    + " + '<Instruct>: ' + ns.instruct + '\\n<Query>: ' + ns.query + '\\n<Document>: '"
    + " + ns.document + "
    + repr(SUFFIX)
    + " }}"
)
"""The same prompt for clients that render chats: roles query and document, the instruction as
system. Saved with a decoder, so that sentence-transformers' CrossEncoder reads what we read."""
