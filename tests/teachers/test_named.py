from __future__ import annotations

from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.llm.client import Prices
from labkit.teachers.named import LocalSpec, OpenAISpec, parse_teacher, parse_teachers


def test_a_model_has_its_own_url_key_prices_and_way_of_answering() -> None:
    spec = parse_teacher(
        "openai:meta/llama:8b,url=http://h:8000/v1,key=OTHER_KEY,prices=0.15/0.6,"
        "verdicts=logprobs,max_tokens=900,per_minute=60"
    )
    assert spec == OpenAISpec(
        "openai:meta/llama:8b", "meta/llama:8b", "http://h:8000/v1", "OTHER_KEY",
        Prices(0.15, 0.6), "logprobs", 900, 60.0,
    )  # fmt: skip
    assert parse_teacher("openai:gpt") == OpenAISpec("openai:gpt", "gpt")
    assert parse_teacher("openai:gpt,name=two").name == "openai:two"


def test_teachers_without_an_endpoint(tmp_path: Path) -> None:
    assert parse_teacher("bm25") == LocalSpec("bm25")
    assert parse_teacher(" dense ") == LocalSpec("dense")
    assert parse_teacher("reranker:org/model").name == "reranker:org/model"
    (tmp_path / "mini").mkdir()
    folder = str(tmp_path / "mini")
    assert parse_teacher(f"reranker:{folder}") == LocalSpec("reranker:mini", source=folder)
    spec = parse_teacher("simulated:a,noise=0.3,position_bias=-0.1,blind_hearsay=0.4,yes_or_no=1")
    assert isinstance(spec, LocalSpec) and spec.simulated is not None
    assert spec.name == spec.simulated.name == "simulated:a"
    assert (spec.simulated.noise, spec.simulated.position_bias) == (0.3, -0.1)
    assert spec.simulated.yes_or_no and spec.simulated.blind_spots == {"hearsay": 0.4}


BAD = {
    "gpt-9": "expected openai:MODEL",
    "openai:": "expected openai:MODEL",
    "openai": "expected openai:MODEL",
    "bm25:x": "expected openai:MODEL",
    "reranker:": "expected openai:MODEL",
    "oracle:x": "expected openai:MODEL",
    "bm25,url=x": "expected no option",
    "reranker:x,noise=1": "expected no option",
    "openai:m,url": "expected option=value",
    "openai:m,colour=red": "expected one of url, key",
    "openai:m,prices=1": "READ/WRITTEN",
    "openai:m,prices=1/-2": "READ/WRITTEN",
    "openai:m,prices=a/b": "expected a number",
    "openai:m,verdicts=loud": "expected one of reply, logprobs",
    "openai:m,max_tokens=0": "expected at least 1",
    "openai:m,per_minute=0": "more than 0",
    "simulated:a,noise=much": "expected a number",
    "simulated:a,blind_sarcasm=1": "expected one of noise",
}


@pytest.mark.parametrize("text", BAD)
def test_a_name_that_names_no_teacher_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_teacher(text)
    assert BAD[text] in str(caught.value) and "\n" not in str(caught.value)


def test_each_teacher_has_a_name_of_its_own() -> None:
    with pytest.raises(InputError, match="got no teacher"):
        parse_teachers([])
    with pytest.raises(InputError, match="two teachers are called 'openai:m'.*name="):
        parse_teachers(["openai:m,url=http://a/v1", "openai:m,url=http://b/v1"])
    assert len(parse_teachers(["openai:m,url=http://a/v1", "openai:m,url=http://b/v1,name=b"])) == 2
    with pytest.raises(InputError, match="at one endpoint"):
        parse_teachers(["openai:m", "openai:m,name=again"])
