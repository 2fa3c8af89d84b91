"""Tiny random checkpoints, made on the spot: for tests, benchmarks and the notebooks.

They have the shapes, the template and the tokenizer rules of the real models and know nothing.
"""

from __future__ import annotations

from typing import Any

from labkit.students.template import SUFFIX, SYSTEM, prefix_text

# The rule by which Qwen's tokenizers cut text before the byte-level merges.
_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")


def tiny_qwen_tokenizer() -> Any:
    """A small byte-level BPE with Qwen's splitting rule and special tokens, for any text."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = prefix_text(None, "Was it yes or no?") + SUFFIX + SYSTEM
    tokenizer.train_from_iterator([text] * 3 + ["yes no"] * 50, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>"
    )


def tiny_qwen3(
    tokenizer: Any,
    *,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    key_heads: int = 2,
    head_size: int = 16,
    intermediate: int = 128,
    seed: int = 0,
) -> Any:
    """A random ``Qwen3ForCausalLM`` of the given size, in float32 and evaluation mode."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        head_dim=head_size,
        max_position_embeddings=8192,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        # larger than a trained model's, so that scores differ visibly between texts
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Qwen3ForCausalLM(config).eval()


def tiny_encoder(*, hidden: int = 32, layers: int = 2, seed: int = 0) -> tuple[Any, Any]:
    """A random BERT with one output, and the packaged MiniLM's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from labkit.retrieval.minilm import minilm_path

    tokenizer = AutoTokenizer.from_pretrained(minilm_path())
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_labels=1,
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return BertForSequenceClassification(config).eval(), tokenizer
