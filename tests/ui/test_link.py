from __future__ import annotations

import pytest

from labkit.errors import InputError
from labkit.ui.bench import Bench
from labkit.ui.library import DATA, Library
from labkit.ui.link import how_of, link_of, opening
from labkit.ui.selection import OWN, Selection

QUERY = "life-roof-q2"
START = Selection(DATA, "life-roof", QUERY, "fused", 50, "minilm-cosine")


def test_a_link_opens_what_it_names(library: Library) -> None:
    assert opening(library, {"dialogue": "life-roof", "query": QUERY}) == (
        DATA,
        "life-roof",
        QUERY,
        "",
    )
    assert opening(library, {"dialogue": "life-roof", "query": "gone"}).query == "life-roof-q1"
    assert opening(library, {}) == (DATA, "life-roof", "life-roof-q1", "")
    with pytest.raises(InputError, match="does not have"):
        opening(library, {"dialogue": "life-Z99"})


@pytest.mark.parametrize("method", ["fused", "bm25"])
@pytest.mark.parametrize("depth", [50, 7])
@pytest.mark.parametrize("memory", ["", "m2"])
def test_a_selection_survives_its_link(
    library: Library, method: str, depth: int, memory: str
) -> None:
    bench = Bench(["minilm-cosine", "some/folder/other"])
    for model in bench.models:
        selection = Selection(DATA, "life-roof", QUERY, method, depth, model, memory)  # type: ignore[arg-type]
        params = {k: v for k, v in link_of(selection, library, bench).items() if v is not None}
        how = how_of(params, bench)
        assert Selection(
            *opening(library, params)[:3], *how[:3], opening(library, params).memory
        ) == (selection)
        assert "folder" not in str(params), "a path of this machine is nobody's business"


def test_what_was_uploaded_or_typed_stays_out_of_the_address(library: Library) -> None:
    bench = Bench(["minilm-cosine"])
    added = library.add_text("Ana: the roof leaks again\nBo: since when?")
    (name,) = added.dialogues
    typed = Selection(DATA, "life-roof", OWN, "fused", 50, "minilm-cosine", "m2")
    assert link_of(typed, library, bench) == {
        "dialogue": "life-roof",
        **dict.fromkeys(["query", "memory", "first", "depth", "model"]),
    }
    upload = Selection(added.key, name, "q", "fused", 50, "minilm-cosine", "m2")
    assert set(link_of(upload, library, bench).values()) == {None}


@pytest.mark.parametrize(
    "params",
    [
        {"depth": "-3", "first": "magic", "model": "/etc/passwd", "threshold": "nan"},
        {"depth": "9e9", "threshold": "1.5"},
        {"depth": "", "threshold": "high"},
    ],
)
def test_a_link_that_says_nonsense_opens_as_the_lab_starts(params: dict[str, str]) -> None:
    assert how_of(params, Bench(["minilm-cosine"])) == (
        "fused",
        50,
        "minilm-cosine",
        None,
        None,
    )


def test_a_threshold_of_ones_own_goes_before_a_named_point() -> None:
    bench = Bench(["minilm-cosine"])
    assert how_of({"point": "careful"}, bench)[3:] == ("careful", None)
    assert how_of({"point": "careful", "threshold": "0.31"}, bench)[3:] == (None, 0.31)
