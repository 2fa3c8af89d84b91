"""Disagreements and Runs in real Chromium, by mouse and by keyboard, on made-up labels and runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.store import Store
from labkit.records import write_examples
from labkit.sources.lives import parse_life
from labkit.teachers.verdicts import Verdict, write_verdicts
from labkit.ui.bench import Bench
from labkit.ui.labelled import read_labelled
from labkit.ui.library import DATA, Collection, Library
from tests.ui.chromium import open_page, served
from tests.ui.made_up import HOSTILE, hostile_life, roof_life
from tests.ui.test_browser import Seen
from tests.ui.test_evaluations_data import row, save
from tests.ui.test_runs_data import RECIPE, make_run

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "minilm-cosine"
PATIENCE = 90_000
"""Milliseconds: the first who comes waits for the model to be read and the pairs to be scored."""


def labels_folder(path: Path) -> Path:
    """Soft labels of both lives' first queries; of the roof's with verdicts in both orders."""
    path.mkdir()
    roof = parse_life(roof_life()).examples[0]
    hostile = parse_life(hostile_life()).examples[0]
    examples = []
    for example in (roof, hostile):
        values = {m.id: round(0.9 - 0.1 * i, 2) for i, m in enumerate(example.memories)}
        extra = {
            "gold_labels": dict(example.labels),
            "label_errors": dict.fromkeys(values, 0.08),
            "labelled_by": ["one", HOSTILE[0]],
        }
        examples.append(
            type(example)(
                example.query, example.memories, values, example.negative_kinds, example.why, extra
            )
        )
    write_examples(path / "examples.jsonl", examples)
    first, second = hostile.memories[0].id, hostile.memories[1].id
    write_verdicts(
        path / "verdicts.jsonl",
        [
            Verdict(roof.id, "m7", "m6", "one", -0.8),
            Verdict(roof.id, "m6", "m7", "one", -0.4),
            Verdict(hostile.id, first, second, HOSTILE[0], 0.5),
            Verdict(hostile.id, second, first, HOSTILE[0], -0.5),
        ],
    )
    summary = {"simulated": False, "complete": True, "labels": {"basis": "prior"}}
    (path / "summary.json").write_text(json.dumps(summary))
    return path


def runs_folder(path: Path) -> Path:
    """Two runs that differ in a step, one that was broken, and two evaluations."""
    make_run(path / "one")
    other = json.loads(json.dumps(RECIPE))
    other["stages"]["bce"]["steps"] = 80
    make_run(path / f"two {HOSTILE[0].replace('/', ' ')}", recipe=other)
    broken = make_run(path / "zz broken")
    for name in ("recipe.yaml", "log.jsonl", "report.json"):
        (broken / name).write_text("{")
    # Three folders within one tick of the clock of a file system have one time; this is the last.
    later = (broken / "log.jsonl").stat().st_mtime + 1
    os.utime(broken / "log.jsonl", (later, later))
    save(path / "first eval", row("fused", 4), row("mini", 2, 1))
    save(path / "second eval", row("fused", 4), row("mini", 1, 1))
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def url(bench: Bench, place: Path) -> Iterator[str]:
    from labkit.ui.lab import build_lab

    lives = [parse_life(roof_life()), parse_life(hostile_life())]
    library = Library([Collection.of(DATA, "made up", lives)])
    folders = [read_labelled(labels_folder(place / "labels"))]
    with Store(place / "annotations.sqlite") as store:
        runs = runs_folder(place / "runs")
        lab = build_lab(library, bench, store, folders, runs=runs)
        with served(lab, 7930) as url:
            yield url


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with open_page(browser, height=1000, patience=PATIENCE) as page:
        yield page


def open_pairs(page: Any, url: str) -> None:
    """The Disagreements tab with its pairs; the first who comes has them scored."""
    page.goto(f"{url}?tab=disagreements")
    page.wait_for_selector("#lk-pairs .lk-empty, #lk-pairs table")
    if not page.locator("#lk-pairs table").count():
        page.get_by_role("button", name="Score 17 pairs with minilm-cosine").click()
    page.wait_for_selector("#lk-pairs table")
    page.wait_for_selector("#lk-scatter .main-svg")


def text(page: Any, selector: str) -> str:
    return re.sub(r"\s+", " ", page.locator(selector).inner_text())


def test_disagreements_by_mouse(page: Any, url: str) -> None:
    seen = Seen(page)
    open_pairs(page, url)
    rows = page.locator(".lk-pair-row")
    assert rows.count() == 17
    weights = [float(value) for value in page.locator("td.c-matters").all_inner_texts()]
    assert weights == sorted(weights, reverse=True) and weights[0] > 0
    tiles = text(page, "#lk-counts")
    assert "teachers high, student low" in tiles and "both low" in tiles
    for part in ("n = 17 pairs of 2 queries", "split train", f"model {MODEL}"):
        assert part in text(page, "#lk-pairs caption")
    assert "assumed shares" in text(page, "#lk-pairs")

    # A point of the chart opens its pair, and all tabs then look at it.
    point = page.locator("#lk-scatter .points path").last
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.wait_for_selector("#lk-scatter .hovertext")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector(".lk-pair-card")
    page.wait_for_function("location.search.includes('memory=')")
    assert page.locator(".lk-pair-row.current").count() == 1

    # So does a row; the filters narrow the list down.
    page.get_by_label("Where").click()
    page.get_by_role("option", name="both low").click()
    page.wait_for_function(
        "!document.querySelector('#lk-pairs caption').innerText.includes('n = 17 pairs')"
    )
    assert "of 17 pairs" in text(page, "#lk-pairs caption")
    page.locator(".lk-pair-row", has_text="cousin came from Porto").click()
    page.wait_for_function("document.querySelector('.lk-memory').innerText.includes('Porto')")
    facts = text(page, ".lk-pair-card")
    for part in ("teachers label 0.20 ± 0.08", f"· {MODEL}", "gold 0.0", "split train"):
        assert part in facts
    verdict = text(page, ".lk-pair-tables tbody >> nth=0")
    assert verdict.startswith("one \N{MINUS SIGN}0.80 +0.40 contradicts itself")

    page.get_by_role("button", name="Open in Inspect").click()
    page.wait_for_selector(".lk-row")
    page.wait_for_function("document.querySelector('.lk-table q')?.innerText.includes('barn last')")
    assert "memory=m7" in page.url
    assert not seen.errors


def test_disagreements_by_keyboard(page: Any, url: str, place: Path) -> None:
    seen = Seen(page)
    open_pairs(page, url)
    page.locator("#lk-pairs .lk-opens").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    wanted = page.locator(".lk-pair-row").nth(1).get_attribute("data-memory")
    page.keyboard.press("Enter")
    page.wait_for_selector(".lk-pair-card")
    page.wait_for_selector(".lk-pair-row.current")
    assert page.locator(".lk-pair-row.current").get_attribute("data-memory") == wanted

    page.get_by_role("button", name="Send to annotation", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('#lk-pairs-state').innerText.includes('1 pair sent')"
    )
    every = page.get_by_role("button", name="Send these 17 to annotation")
    every.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sure? Press again to send 17").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('#lk-pairs-state').innerText.includes('16 pairs sent')"
    )
    with Store(place / "annotations.sqlite") as store:
        requested = store.requested()
    assert len({(event.query, event.memory) for event in requested}) == len(requested) == 17
    assert requested[0].memory == wanted and requested[0].model == MODEL
    assert not seen.errors


def test_hostile_texts_and_names_are_text(page: Any, url: str) -> None:
    seen = Seen(page)
    open_pairs(page, url)
    listed = page.locator("#lk-pairs .lk-opens").all_inner_texts()
    assert {f"n. {i} {each}" for i, each in enumerate(HOSTILE)} <= set(listed)
    page.locator(".lk-pair-row", has_text="n. 0").first.click()
    page.wait_for_selector(".lk-pair-card")
    page.wait_for_function("document.querySelector('#lk-pair').innerText.includes('onerror')")
    for point in page.locator("#lk-scatter .points path").all()[::4]:
        point.hover(force=True)
    page.get_by_role("tab", name="Runs").click()
    page.wait_for_selector("#lk-runs table")
    page.get_by_role("checkbox", name="two").check()
    page.wait_for_function("document.querySelector('#lk-looks')?.innerText.includes('onerror')")
    assert HOSTILE[0].replace("/", " ") in page.locator("#lk-runs").inner_text()
    assert page.evaluate("window.pwned") is None
    drawn = "#lk-pairs, #lk-pair, #lk-runs, #lk-run-tables"
    assert page.locator(drawn).locator("img, svg, script, a").count() == 0
    assert not seen.errors


def test_runs_are_compared_by_keyboard_and_a_broken_one_is_shown_as_such(
    page: Any, url: str
) -> None:
    seen = Seen(page)
    page.goto(f"{url}?tab=runs")
    page.wait_for_selector("#lk-runs table")
    boxes = page.locator("#lk-runs input")
    assert boxes.count() == 3
    # The broken one was written last and is ticked; the focus stays on what was pressed.
    for i, ticked in ((2, 0), (0, 1), (1, 2)):
        boxes.nth(i).focus()
        page.keyboard.press("Space")
        page.wait_for_function(
            "document.querySelectorAll('#lk-runs input:checked').length === " + str(ticked)
        )
    page.wait_for_selector("#lk-run-tables >> text=Where the recipes differ")
    tables = text(page, "#lk-run-tables")
    assert "stages.bce.steps 40 80" in tables
    assert "same" in tables and "abababababababab" in tables
    assert "dev split of lives, sim, n = up to 100 queries each; model minilm" in tables
    assert page.locator("#lk-looks .legendtext").count() == 2
    broken = page.locator("#lk-runs tr", has_text="zz broken")
    assert "recipe.yaml cannot be read" in broken.inner_text()
    assert "Traceback" not in page.content()
    assert not seen.errors


def test_evaluations_stand_side_by_side_by_mouse(page: Any, url: str) -> None:
    seen = Seen(page)
    page.goto(f"{url}?tab=runs")
    page.wait_for_selector("#lk-evaluations table")
    for name in ("first eval", "second eval"):
        page.get_by_role("checkbox", name=name).check()
    page.wait_for_selector("#lk-eval-tables >> text=mini (second eval)")
    page.wait_for_selector("#lk-quality .main-svg")
    tables = text(page, "#lk-eval-tables")
    assert "mini (first eval)" in tables and "12 queries" in tables
    assert re.search(r"mini \(second eval\) 1\.000\*? \[1\.000, 1\.000\]", tables)
    assert not seen.errors


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (800, "light")])
def test_both_tabs_fit_and_ask_nobody_else(browser: Any, url: str, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Seen(page)
    open_pairs(page, url)
    page.locator("#lk-pairs .lk-opens").first.click()
    page.wait_for_selector(".lk-pair-card")
    for tab in ("disagreements", "runs"):
        if tab == "runs":
            page.get_by_role("tab", name="Runs").click()
            page.wait_for_selector("#lk-run-tables table")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for violation in axe.run(page).response["violations"]:
            for node in violation["nodes"]:
                ours = re.search(
                    r"lk-(pairs|pair|runs|evaluations|run-tables|eval-tables)", str(node)
                )
                assert not ours, (violation["id"], node["html"], node["failureSummary"])
    assert all(request.startswith((url, "data:", "blob:")) for request in seen.requests)
    assert not seen.errors
    context.close()
