"""The benchmark as a whole: what is run in which order, and what is written down of it."""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from labkit.bench import cold, decoders, encoders
from labkit.bench.cost import decoder_flops, encoder_flops, gemm_rate
from labkit.bench.race import Times, race, ratio
from labkit.bench.workload import (
    CONTEXTS,
    Workload,
    bundled_lives,
    many_memories,
    read_workloads,
)
from labkit.errors import InputError
from labkit.evaluation.measures import average_precision
from labkit.files import write_whole
from labkit.linear import Precision, has_int8
from labkit.records import RELEVANT, Example, Memory, example_to_json
from labkit.rendering import render_memory, render_query
from labkit.retrieval.minilm import minilm_path
from labkit.scoring.cascade import fit_cascade, measure_loss
from labkit.scoring.reranker import Reranker
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_student
from labkit.students.placement import choose_placement, fast_bfloat16

Part = Literal["encoder", "scale", "quality", "cascade", "decoder", "cold"]
PARTS: tuple[Part, ...] = get_args(Part)

Done = Callable[[str], None]

_RIVALS_AT = 50
"""Memories with which all rivals run; with others, sentence-transformers alone."""

_PREFIX, _MEMORY, _CANDIDATES = 400, 60, 32
"""Tokens and candidates of the decoder's work."""

_ALPHA = 0.05
"""Of what the model keeps, the most that a cascade may lose in expectation."""

_SCALE = (100, 300, 1_000, 3_000, 10_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        model: name or folder of an encoder student.
        data: a file of queries and memories; None is the bundled lives.
        parts: which of :data:`PARTS`.
        counts: memories of a query.
        threads: numbers of threads, each measured.
        rounds: at most so many of each race.
        seconds: about how long a race may last.
        layers: of the decoder that is measured.
        queries: different ones in a race.
        largest: memories up to which the cost of one query is shown.
    """

    model: str = "mini"
    data: Path | None = None
    parts: tuple[Part, ...] = PARTS
    counts: tuple[int, ...] = (10, 50, 200)
    threads: tuple[int, ...] = (1, 2)
    rounds: int = 30
    seconds: float = 6.0
    layers: int = 2
    queries: int = 5
    largest: int = 10_000


def run(plan: Plan, done: Done = lambda _: None) -> dict[str, Any]:
    """Measure all parts of the plan; what is returned is JSON.

    Args:
        done: called with a line before each measurement.

    Raises:
        InputError: the model is no encoder for a CPU, or the data holds no query.
    """
    data = plan.data or bundled_lives()
    student = load_student(plan.model, placement=choose_placement("cpu", "float32"))
    if not isinstance(student, EncoderStudent):
        raise InputError(f"model {plan.model} is no encoder, expected one such as mini")
    found: dict[str, Any] = {"settings": _settings(plan, data)}
    with tempfile.TemporaryDirectory() as folder, _threads_restored():
        stock = Path(folder) / "stock"
        encoders.export_stock(student, stock)
        if "encoder" in plan.parts:
            found["encoder"] = list(_encoder(plan, data, stock, done))
        if "scale" in plan.parts:
            found["scale"] = _scale(plan, data, stock, done)
        if "quality" in plan.parts:
            found["quality"] = _quality(plan, done)
        if "cascade" in plan.parts:
            found["cascade"] = _cascade(plan, done)
        if "decoder" in plan.parts:
            found["decoder"] = _decoder(plan, Path(folder) / "decoder", done)
        if "cold" in plan.parts:
            found["cold"] = _cold(plan, data, stock, Path(folder), done)
    return found


@contextmanager
def _threads_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def precisions() -> list[Precision]:
    """Those that this processor computes fast."""
    found: list[Precision] = ["float32"]
    if fast_bfloat16(torch.device("cpu")):
        found.append("bfloat16")
    if has_int8():
        found.append("int8")
    return found


def _settings(plan: Plan, data: Path) -> dict[str, Any]:
    versions = {}
    for name in ("torch", "transformers", "sentence-transformers", "onnxruntime", "numpy"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        **{name: list(v) if isinstance(v, tuple) else v for name, v in asdict(plan).items()},
        "data": data.name,
        "machine": platform.machine(),
        "processor": torch.cpu.get_capabilities().get("cpu_name"),
        "processors": torch.cpu.get_capabilities().get("num_physical_cores"),
        "precisions": precisions(),
        "versions": versions,
    }


# --- encoders ------------------------------------------------------------------------------------


def _encoder(plan: Plan, data: Path, stock: Path, done: Done) -> Iterator[dict[str, Any]]:
    graphs = _graphs(stock) if encoders.has_onnxruntime() else {}
    scorers: dict[str, encoders.Scorer] = {
        f"labkit {name}": encoders.ours(stock, name)[0] for name in precisions()
    }
    first = encoders.ours(stock, "float32")  # of its own: what it forgets, the others keep
    peer = encoders.sentence_transformers(stock)
    plain = encoders.plain_transformers(stock)
    config = json.loads((stock / "config.json").read_text(encoding="utf-8"))
    tokenizer_of = Reranker.load(stock, device="cpu")
    for threads in plan.threads:
        torch.set_num_threads(threads)
        rates = {
            name: gemm_rate(config["hidden_size"], config["intermediate_size"], name)
            for name in precisions()
        }
        on_onnx = {
            name: encoders.onnxruntime(stock, graph, threads) for name, graph in graphs.items()
        }
        for context in CONTEXTS:
            for count in plan.counts:
                done(f"encoder: {count} memories, {context} context, {threads} threads")
                works = read_workloads(data, context, count, plan.queries)
                ways = {**scorers, encoders.PEER: peer}
                if count == _RIVALS_AT:
                    ways = {**ways, "transformers": plain, **on_onnx}
                yield _raced(plan, works, ways, first, tokenizer_of, config, rates) | {
                    "memories": count,
                    "context": context,
                    "threads": threads,
                }


def _graphs(stock: Path) -> dict[str, Path]:
    whole, small = stock.parent / "model.onnx", stock.parent / "int8.onnx"
    encoders.export_onnx(stock, whole)
    encoders.quantize_onnx(whole, small)
    return {"onnxruntime float32": whole, "onnxruntime int8": small}


def _raced(
    plan: Plan,
    works: Sequence[Workload],
    ways: Mapping[str, encoders.Scorer],
    first: tuple[encoders.Scorer, Callable[[], None]],
    reader: Reranker,
    config: Mapping[str, Any],
    rates: Mapping[Precision, float],
) -> dict[str, Any]:
    def first_query(work: Workload) -> np.ndarray:
        score, forget = first
        forget()
        return score(work)

    errors = _errors(works[0], ways, reader)
    jobs = {name: [partial(score, work) for work in works] for name, score in ways.items()}
    if len(works[0].memories) == _RIVALS_AT:
        jobs["labkit float32, first query"] = [partial(first_query, work) for work in works]
    times = race(jobs, rounds=plan.rounds, seconds=plan.seconds)
    lengths = [_lengths(reader, work) for work in works]
    flops = float(np.mean([encoder_flops(config, each) for each in lengths]))
    rows = {}
    for name, each in times.items():
        row: dict[str, Any] = {
            **each.to_json(),
            "largest_error": errors.get(name),
            "pairs_per_second": round(len(works[0].memories) / each.percentile(50), 1),
            "times_as_fast_as_peer": _against(times[encoders.PEER], each),
        }
        for precision, rate in rates.items():
            if name.startswith(f"labkit {precision}"):
                row["floor_seconds"] = round(flops / rate, 5)
                row["share_of_floor"] = round(flops / rate / each.percentile(50), 3)
        rows[name] = row
    return {
        "tokens": round(float(np.mean([sum(each) for each in lengths]))),
        "longest": max(max(each) for each in lengths),
        "gigaflops": round(flops / 1e9, 2),
        "gigaflops_per_second": {name: round(rate / 1e9, 1) for name, rate in rates.items()},
        "ways": rows,
    }


def _against(peer: Times, each: Times) -> dict[str, Any]:
    return {
        clock: {name: round(value, 3) for name, value in asdict(ratio(peer, each, clock)).items()}
        for clock in ("wall", "processor")
    }


def _errors(
    work: Workload, ways: Mapping[str, encoders.Scorer], reader: Reranker
) -> dict[str, float]:
    """The largest difference of each way's log-odds from the peer's, over memories not cut."""
    cut = reader.score_groups([(work.query, work.memories)])[0].truncated
    whole = np.array([memory.id not in cut for memory in work.memories])
    want = ways[encoders.PEER](work)
    return {
        name: float(np.abs(score(work) - want)[whole].max(initial=0.0))
        for name, score in ways.items()
    }


def _lengths(reader: Reranker, work: Workload) -> list[int]:
    tokens = reader.student.tokenize(work.query, work.memories)
    return [len(tokens.prefix) + len(tail) for tail in tokens.tails]


def _scale(plan: Plan, data: Path, stock: Path, done: Done) -> dict[str, Any]:
    """Seconds of ours against the number of memories, and the slope of their logarithms."""
    threads = max(plan.threads)
    torch.set_num_threads(threads)
    counts = [count for count in _SCALE if count <= plan.largest]
    query, memories = many_memories(data, max(counts))
    score, forget = encoders.ours(stock, "float32")
    seconds = []
    for count in counts:
        done(f"scale: {count} memories")
        work = Workload("short", query, tuple(memories[:count]))
        forget()
        start = time.perf_counter()
        score(work)
        seconds.append(time.perf_counter() - start)
    slope = np.polyfit(np.log(counts), np.log(seconds), 1)[0]
    return {
        "threads": threads,
        "memories": counts,
        "seconds": [round(each, 4) for each in seconds],
        "exponent": round(float(slope), 3),
    }


def _dev_examples() -> list[Example]:
    from labkit.training.groups import read_split

    return list(read_split(str(bundled_lives()), "dev"))


def _quality(plan: Plan, done: Done) -> list[dict[str, Any]]:
    """Mean average precision of the student on the authored dev lives, in each precision."""
    torch.set_num_threads(max(plan.threads))
    examples = [
        example
        for example in _dev_examples()
        if any(example.label(m.id) >= RELEVANT for m in example.memories)
    ]
    rows = []
    exact: list[np.ndarray] = []
    for precision in precisions():
        done(f"quality: {len(examples)} dev queries in {precision}")
        reranker = Reranker.load(plan.model, device="cpu", dtype=precision)
        scores = [reranker.score(example.query, example.memories) for example in examples]
        exact = exact or scores
        values = [
            _average_precision(example, each)
            for example, each in zip(examples, scores, strict=True)
        ]
        errors = np.concatenate([a - b for a, b in zip(scores, exact, strict=True)])
        rows.append(
            {
                "precision": precision,
                "queries": len(examples),
                "MAP": round(float(np.mean(values)), 4),
                "largest_error": round(float(np.abs(errors).max()), 4),
                "rms_error": round(float(np.sqrt(np.mean(errors**2))), 4),
            }
        )
    return rows


def _cascade(plan: Plan, done: Done) -> dict[str, Any]:
    """A cascade found on every other dev query and measured on those between."""
    torch.set_num_threads(max(plan.threads))
    examples = _dev_examples()
    reranker = Reranker.load(plan.model, device="cpu")
    threshold = "balanced" if "balanced" in reranker.card.thresholds else 0.5
    done(f"cascade: {len(examples)} dev queries, half of them twice")
    cascade = fit_cascade(reranker, examples[::2], threshold, alpha=_ALPHA)
    return {
        "threshold": threshold,
        "found": asdict(cascade),
        "measured": asdict(measure_loss(cascade, reranker, examples[1::2])),
    }


def _average_precision(example: Example, scores: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    hit = [example.label(example.memories[i].id) >= RELEVANT for i in order]
    return average_precision(hit, sum(hit))


# --- decoders ------------------------------------------------------------------------------------


def _decoder(plan: Plan, folder: Path, done: Done) -> dict[str, Any]:
    student = decoders.save_random(folder, plan.layers)
    query, memories = decoders.pairs_of(student, _PREFIX, _MEMORY, _CANDIDATES)
    tokens = student.tokenize(query, memories)
    tails = [len(tail) for tail in tokens.tails]
    together, apart = len(tokens.prefix) + sum(tails), len(tails) * len(tokens.prefix) + sum(tails)
    flops = decoder_flops(student.model.config, len(tokens.prefix), tails)
    names = [name for name in precisions() if name != "int8"]
    mine = {name: Reranker.load(folder, device="cpu", dtype=name) for name in names}
    peer = decoders.sentence_transformers(folder, query, memories)
    threads = max(plan.threads)
    done(f"decoder: {plan.layers} layers, {threads} threads")
    torch.set_num_threads(threads)
    ways: dict[str, decoders.Scores] = {encoders.PEER: peer}
    for name, reranker in mine.items():
        ways[f"labkit {name}"] = decoders.ours(reranker, query, memories)
    alone = "labkit float32, prefix not shared"
    ways[alone] = decoders.ours_without_sharing(mine["float32"], query, memories)
    scores = {name: way() for name, way in ways.items()}
    times = race(
        {name: [way] for name, way in ways.items()}, rounds=plan.rounds, seconds=plan.seconds
    )
    config = student.model.config
    rate = gemm_rate(config.hidden_size, config.intermediate_size, "float32")
    return {
        "threads": threads,
        "layers": plan.layers,
        "prefix_tokens": len(tokens.prefix),
        "memory_tokens": round(float(np.mean(tails)), 1),
        "candidates": len(tails),
        "ideal_of_sharing": round(apart / together, 3),
        "worth_of_sharing": round(ratio(times[alone], times["labkit float32"]).median, 3),
        "gigaflops_per_second": round(rate / 1e9, 1),
        "share_of_floor": round(flops / rate / times["labkit float32"].percentile(50), 3),
        "ways": {
            name: {
                **each.to_json(),
                "largest_error": float(np.abs(scores[name] - scores[encoders.PEER]).max()),
                "times_as_fast_as_peer": _against(times[encoders.PEER], each),
                f"extrapolated_seconds_of_{decoders.LAYERS}_layers": round(
                    each.percentile(50) * decoders.LAYERS / plan.layers, 2
                ),
            }
            for name, each in times.items()
        },
    }


# --- whole processes -----------------------------------------------------------------------------


def _cold(plan: Plan, data: Path, stock: Path, folder: Path, done: Done) -> dict[str, Any]:
    (work,) = read_workloads(data, "short", _RIVALS_AT, 1)
    memories = tuple(
        Memory(str(i), m.text, time=m.time, speaker=m.speaker) for i, m in enumerate(work.memories)
    )
    example = {
        **example_to_json(Example(query=work.query, memories=memories)),
        "rendered_query": render_query(work.query).text,
        "rendered": [render_memory(memory) for memory in memories],
    }
    path = folder / "one.jsonl"
    write_whole(path, [json.dumps(example) + "\n"])
    jobs = cold.commands(plan.model, stock, path, minilm_path())
    threads = max(plan.threads)
    done(f"cold: one query with {len(memories)} memories, {threads} threads")
    found = cold.race_processes(jobs, threads=threads, rounds=3)
    peer = found["sentence-transformers"]
    return {
        "threads": threads,
        "memories": len(memories),
        "ways": {
            name: {
                "wall_seconds": round(float(np.median([p.wall for p in runs])), 3),
                "processor_seconds": round(float(np.median([p.processor for p in runs])), 3),
                "peak_megabytes": round(max(p.peak_bytes for p in runs) / 2**20),
                "share_of_peers_wall": round(
                    float(np.median([a.wall / b.wall for a, b in zip(runs, peer, strict=True)])), 3
                ),
            }
            for name, runs in found.items()
        },
    }
