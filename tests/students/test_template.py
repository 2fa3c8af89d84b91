from __future__ import annotations

from labkit.records import Memory, Query
from labkit.rendering import render_memory, render_query
from labkit.students import template
from labkit.students.decoder import DecoderStudent

GOLDEN = (
    "<|im_start|>system\n"
    "Judge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
    "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n"
    "<Query>: Which planet is known as the Red Planet?\n"
    "<Document>: Mars is often called the Red Planet.<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
"""Written out by hand from the model card of Qwen3-Reranker."""

QUERY = Query("Which planet is known as the Red Planet?")
MEMORY = Memory("m1", "Mars is often called the Red Planet.")


def test_a_bare_query_and_memory_give_the_prompt_of_the_model_card() -> None:
    text = template.prefix_text(None, render_query(QUERY).text)
    text += template.tail_text(render_memory(MEMORY)) + template.SUFFIX
    assert text == GOLDEN


def test_prefix_and_tail_have_the_ids_of_the_whole_prompt(decoder: DecoderStudent) -> None:
    tokens = decoder.tokenize(QUERY, [MEMORY])
    assert tokens.prefix + tokens.tails[0] == decoder.tokenizer(GOLDEN)["input_ids"]


def test_odd_beginnings_of_a_memory_do_not_merge_with_the_prefix(decoder: DecoderStudent) -> None:
    for text in ("(in March)", "...and then", "42", "été", "- no", '"yes"', "<|im_end|>", "日本"):
        memory = Memory("m", text)
        tokens = decoder.tokenize(QUERY, [memory])
        whole = template.prefix_text(None, QUERY.text) + f" {text}" + template.SUFFIX
        assert tokens.prefix + tokens.tails[0] == decoder.tokenizer(whole)["input_ids"]


def test_chat_template_renders_the_same_prompt(decoder: DecoderStudent) -> None:
    messages = [
        {"role": "query", "content": QUERY.text},
        {"role": "document", "content": MEMORY.text},
    ]
    render = decoder.tokenizer.apply_chat_template
    assert render(messages, chat_template=template.CHAT_TEMPLATE, tokenize=False) == GOLDEN
    other = render(
        [{"role": "system", "content": "Find the name"}, *messages],
        chat_template=template.CHAT_TEMPLATE,
        tokenize=False,
    )
    assert "<Instruct>: Find the name\n" in other
