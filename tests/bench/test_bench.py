from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification

from labkit.bench import encoders
from labkit.bench.cold import run_process
from labkit.bench.cost import decoder_flops, encoder_flops, gemm_rate
from labkit.bench.race import Times, Timing, race, ratio
from labkit.bench.report import markdown, page
from labkit.bench.run import Plan, run
from labkit.bench.workload import WORDS, bundled_lives, many_memories, read_workloads
from labkit.errors import InputError
from labkit.linear import has_int8
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_student
from labkit.students.placement import choose_placement
from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer


def counted(model: torch.nn.Module, **inputs: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(**inputs)
    return int(counter.get_total_flops())


def bert(layers: int) -> tuple[BertConfig, torch.nn.Module]:
    config = BertConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=80,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_labels=1,
    )
    config._attn_implementation = "eager"
    return config, BertForSequenceClassification(config).eval()


@pytest.mark.parametrize("length", [1, 9])
def test_operations_of_an_encoder_are_those_that_torch_counts(length: int) -> None:
    ids = torch.ones(1, length, dtype=torch.long)
    (two, model_two), (three, model_three) = bert(2), bert(3)
    layer = counted(model_three, input_ids=ids) - counted(model_two, input_ids=ids)
    lengths = [length]
    ours = encoder_flops(three.to_dict(), lengths) - encoder_flops(two.to_dict(), lengths)
    assert ours == layer
    whole = encoder_flops(two.to_dict(), lengths)
    if length == 1:
        # The first token is all there is, so the last layer leaves out nothing.
        assert whole == counted(model_two, input_ids=ids)
    else:
        assert layer < whole < counted(model_two, input_ids=ids)


def test_operations_of_a_decoder_are_those_that_torch_counts() -> None:
    model = tiny_qwen3(tiny_qwen_tokenizer())
    model.set_attn_implementation("eager")
    one = counted(model.model, input_ids=torch.ones(1, 1, dtype=torch.long))
    assert decoder_flops(model.config, 0, [1]) == one
    apart = decoder_flops(model.config, 0, [45] * 3)
    assert decoder_flops(model.config, 40, [5] * 3) < apart / 2


def test_ways_take_turns_and_meet_the_same_queries() -> None:
    calls: list[str] = []

    def way(name: str) -> list[object]:
        return [lambda i=i: calls.append(f"{name}{i}") for i in range(2)]

    times = race({"a": way("a"), "b": way("b")}, rounds=4, seconds=60)  # type: ignore[dict-item]
    assert calls == ["a0", "b0", "b1", "a1", "a0", "b0", "b1", "a1"]
    assert len(times["a"].runs) == len(times["b"].runs) == 4


def test_a_race_out_of_time_ends_after_two_rounds() -> None:
    times = race({"a": [lambda: None]}, rounds=50, seconds=0)
    assert len(times["a"].runs) == 2


def test_a_ratio_is_the_median_over_rounds() -> None:
    slow = Times([Timing(w, 1) for w in (2.0, 9.0, 4.0)])
    fast = Times([Timing(w, 1) for w in (1.0, 3.0, 1.0)])
    found = ratio(slow, fast)
    assert (found.median, found.low, found.high) == (3.0, 2.5, 3.5)
    assert str(found) == "3.00 (2.50 to 3.50)"
    assert ratio(slow, fast, "processor").median == 1


def test_a_workload_has_as_many_candidates_as_asked_for() -> None:
    short, long = (
        read_workloads(bundled_lives(), context, 200, 3)  # type: ignore[arg-type]
        for context in ("short", "long")
    )
    for work in (*short, *long):
        assert len({memory.id for memory in work.memories}) == 200
    assert all(not work.query.context for work in short)
    for work in long:
        words = sum(len(turn.text.split()) for turn in work.query.context)
        assert 0 < words <= WORDS


def test_more_memories_than_a_file_has_are_all_different(tmp_path: Path) -> None:
    example = {
        "id": "q",
        "query": "Who?",
        "memories": [{"id": "a", "text": "Ana did."}, {"id": "b", "text": "Bo did."}],
    }
    path = tmp_path / "two.jsonl"
    path.write_text(json.dumps(example) + "\n")
    _, memories = many_memories(path, 7)
    assert len({memory.text for memory in memories}) == len(memories) == 7


def test_a_file_without_a_query_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text("Ana: hello\nBo: hello to you\n")
    with pytest.raises(InputError, match="holds no query, expected a file with queries"):
        read_workloads(path, "short", 5, 1)


def test_a_process_is_measured_and_a_failing_one_says_why() -> None:
    found = run_process([sys.executable, "-c", "sum(range(10**5))"], 1)
    assert found.wall > 0 and found.processor > 0 and found.peak_bytes > 2**20
    with pytest.raises(InputError, match=r"ended with 3 \(no such thing\), expected 0"):
        script = "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"
        run_process([sys.executable, "-c", script], 1)


def test_the_rate_of_products_is_one_of_this_machine() -> None:
    assert gemm_rate(64, 128, "float32", seconds=0.01) > 1e6


@pytest.fixture
def folder(encoder: EncoderStudent, tmp_path: Path) -> Path:
    encoder.save(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.slow
def test_all_ways_give_the_scores_of_the_peer_and_the_report_shows_them(folder: Path) -> None:
    plan = Plan(
        model=str(folder),
        parts=("encoder", "scale"),
        counts=(3, 50),
        threads=(1,),
        rounds=3,
        seconds=0,
        queries=1,
        largest=300,
    )
    found = json.loads(json.dumps(run(plan), default=str))
    for cell in found["encoder"]:
        ways = cell["ways"]
        assert ways["labkit float32"]["largest_error"] < 1e-4
        if cell["memories"] == 50:
            assert ways["transformers"]["largest_error"] < 1e-4
        if encoders.has_onnxruntime() and cell["memories"] == 50:
            assert ways["onnxruntime float32"]["largest_error"] < 1e-3
        if has_int8():
            assert 0 < ways["labkit int8"]["largest_error"] < 2
        assert ways["labkit float32"]["share_of_floor"] > 0
    assert found["scale"]["memories"] == [100, 300]
    text = markdown(found)
    assert "**50 memories, long context, 1 thread**" in text
    assert "sentence-transformers" in text and "to the power of" in text
    html = page(found)
    assert html.count('class="plotly-graph-div"') == 2 and 'src="http' not in html


@pytest.mark.slow
def test_fifty_memories_take_less_of_the_processor_than_in_sentence_transformers(
    tmp_path: Path,
) -> None:
    student = load_student("mini", placement=choose_placement("cpu", "float32"))
    encoders.export_stock(student, tmp_path)
    works = read_workloads(bundled_lives(), "short", 50, 1)
    peer, (mine, _) = encoders.sentence_transformers(tmp_path), encoders.ours(tmp_path, "float32")
    np.testing.assert_allclose(mine(works[0]), peer(works[0]), atol=1e-4)
    times = race(
        {"peer": [lambda: peer(works[0])], "ours": [lambda: mine(works[0])]}, rounds=5, seconds=9
    )
    assert ratio(times["peer"], times["ours"], "processor").median > 1.2
