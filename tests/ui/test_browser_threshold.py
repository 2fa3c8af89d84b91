"""Threshold and the deeper half of Inspect in real Chromium, on made-up lives."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.assets import assets_path
from labkit.sources.lives import parse_life
from labkit.ui.bench import Bench
from labkit.ui.library import DATA, Collection, Library
from tests.ui.chromium import open_page, served
from tests.ui.made_up import HOSTILE, hostile_life, roof_life
from tests.ui.test_browser import PATIENCE, Seen, open_lab

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LIVES = 24
COSINE = "minilm-cosine"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A lab with many roofs, a hostile life, and a second cosine of another slope."""
    from labkit.ui.lab import build_lab

    folder = tmp_path_factory.mktemp("lab")
    other = shutil.copytree(assets_path() / "models" / COSINE, folder / "blunt")
    card = json.loads((other / "labkit.json").read_text())
    card["head"]["slope"] /= 2
    (other / "labkit.json").write_text(json.dumps(card))
    lives = [parse_life({**roof_life(), "id": f"life-roof-{i:02}"}) for i in range(LIVES)]
    collection = Collection.of(
        DATA, "made up", [*lives, parse_life(hostile_life())], ["test"] * LIVES + ["dev"]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        lab = build_lab(Library([collection]), Bench([COSINE, str(other)]))
    with served(lab, 7970) as url:
        yield url


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with open_page(browser, height=1000, patience=PATIENCE) as page:
        yield page


def scored(page: Any, url: str, **params: str) -> None:
    """The Threshold tab with its numbers, scored where that is still to do."""
    query = "&".join(f"{key}={value}" for key, value in {"tab": "threshold", **params}.items())
    page.goto(f"{url}?{query}")
    page.wait_for_selector("#lk-strip svg")
    page.wait_for_selector("#lk-scoring p, #lk-split-numbers table")
    if not page.locator("#lk-split-numbers table").count():
        assert "Not scored yet" in page.locator("#lk-scoring").inner_text()
        page.get_by_role("button", name="Score them").click()
    page.wait_for_selector("#lk-split-numbers table")


def text(page: Any, selector: str) -> str:
    return re.sub(r"\s+", " ", page.locator(selector).inner_text())


def test_a_split_is_scored_when_asked_and_the_threshold_then_moves_everything(
    page: Any, url: str
) -> None:
    seen = Seen(page)
    scored(page, url, dialogue="life-roof-03")
    assert page.locator("#lk-split-numbers tbody tr").count() == 4, (
        "two models, bare and calibrated"
    )
    caption = text(page, "#lk-split-numbers caption")
    assert f"all {2 * LIVES} queries of made up, test" in caption and "first stage fused" in caption
    assert "blunt" in text(page, "#lk-curves") and "Brier" in text(page, "#lk-split-numbers")
    page.wait_for_selector("#lk-reliability .main-svg")

    before = page.locator("#lk-curves line.cut").first.get_attribute("x1")
    slider = page.get_by_label("range slider for Threshold")
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "document.querySelector('.lk-numbers caption').innerText.includes('1.000')"
    )
    assert page.locator("#lk-curves line.cut").first.get_attribute("x1") != before
    assert f"left empty {2 * LIVES} of {2 * LIVES}" in text(page, "#lk-counts")
    assert "Nothing is kept" in text(page, "#lk-strip")
    page.keyboard.press("Home")
    page.wait_for_function(
        "document.querySelector('.lk-numbers caption').innerText.includes('0.000')"
    )
    assert f"kept {16 * LIVES} of {16 * LIVES}" in text(page, "#lk-counts")

    # The promise, and its threshold taken over; then a memory of this query, opened in Inspect.
    assert "12 queries with a relevant candidate are too few" in text(page, "#lk-promise")
    alpha = page.get_by_label("number input for Alpha")
    alpha.fill("0.2")
    alpha.blur()
    page.wait_for_function(
        "document.querySelector('#lk-promise').innerText.includes('other queries')"
    )
    page.get_by_role("button", name="Use its threshold").click()
    page.wait_for_function("location.search.includes('threshold=')")
    page.locator(".lk-open").first.click()
    page.wait_for_selector(".lk-panel")
    assert page.evaluate("document.body.dataset.tab") == "inspect"
    assert "memory=m" in page.url and "life-roof-03" in page.url
    assert not seen.errors


def test_a_memory_is_looked_into_by_keyboard(page: Any, url: str) -> None:
    seen = Seen(page)
    open_lab(page, url, dialogue="life-roof-02", query="life-roof-02-q1")
    page.wait_for_function("document.querySelector('.lk-table caption').innerText.includes('-02')")
    page.get_by_role("button", name="m2", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('memory=m2')")
    page.get_by_role("button", name="words", exact=True).press("Enter")
    page.wait_for_selector(".lk-why-parts")
    assert "n = 11 pieces, model minilm-cosine" in text(page, ".lk-why-parts")
    pieces = page.locator(".lk-why-parts > p").first.inner_text()
    assert pieces == "Ana mended the roof of the barn in June, with slate."

    box = page.get_by_label("text of memory m2")
    box.fill("We had soup.")
    page.get_by_role("button", name="Rescore this text").press("Enter")
    page.wait_for_selector(".lk-edited")
    before, after = re.findall(r"probability (0\.\d+)", text(page, ".lk-edited"))
    assert float(after) < float(before)
    assert "slate" in page.locator("tr[data-id=m2] .lk-text").inner_text(), "the data stays"

    page.get_by_role("button", name="Withhold context").click()
    page.wait_for_selector(".lk-withheld")
    assert "without context" in text(page, ".lk-withheld thead")
    page.get_by_label("Beside it").first.click()
    page.get_by_role("option", name="blunt").click()
    page.wait_for_selector("td.c-other")
    assert "blunt" in text(page, "#lk-candidates thead")

    # All of it is in the address: who gets the link sees the same memory.
    page.goto(page.url)
    page.wait_for_selector("tr[data-id=m2] + .lk-panel")
    assert not seen.errors


def test_hostile_text_is_text_here_too(page: Any, url: str) -> None:
    seen = Seen(page)
    open_lab(page, url, dialogue=hostile_life()["id"])
    page.wait_for_function("document.querySelector('.lk-table caption').innerText.includes('img')")
    id_ = f"m4{HOSTILE[4]}"
    page.get_by_role("button", name=id_).click()
    page.get_by_role("button", name="words", exact=True).click()
    page.wait_for_selector(".lk-why-parts")
    assert page.locator(".lk-why-parts > p").first.inner_text() == f"n. 4 {HOSTILE[4]}"
    page.get_by_label(f"text of memory {id_}").fill(HOSTILE[0])
    page.get_by_role("button", name="Rescore this text").click()
    page.wait_for_selector(".lk-edited")
    page.get_by_role("button", name="Withhold context").click()
    page.wait_for_selector(".lk-withheld")
    assert HOSTILE[0] in text(page, ".lk-withheld")
    page.get_by_role("tab", name="Threshold").click()
    page.wait_for_selector("#lk-strip svg")
    assert HOSTILE[0] in text(page, "#lk-strip"), "relevant, so it is always listed"
    assert page.evaluate("window.pwned") is None
    assert page.locator(":is(#lk-strip, #lk-candidates, #lk-withheld) img").count() == 0
    assert not seen.errors


# What Gradio itself draws, and we cannot mend: the rule, and a part of the element's selector.
GRADIOS_OWN: set[tuple[str, str]] = set()


@pytest.mark.parametrize("tab", ["inspect", "threshold"])
def test_axe_finds_nothing_and_no_request_leaves(browser: Any, url: str, tab: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 800, "height": 1000}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Seen(page)
    if tab == "threshold":
        scored(page, url)
        page.wait_for_selector("#lk-reliability .main-svg")
    else:
        open_lab(page, url, dialogue="life-roof-02", query="life-roof-02-q1", memory="m2")
        page.wait_for_selector(".lk-panel")
    found = []
    for scheme in ("light", "dark"):
        page.evaluate(f"document.body.classList.toggle('dark', {str(scheme == 'dark').lower()})")
        page.wait_for_timeout(500)  # colours fade over
        found += [
            (scheme, violation["id"], str(node["target"][0]), node["failureSummary"])
            for violation in Axe().run(page).response["violations"]
            for node in violation["nodes"]
            if not any(
                violation["id"] == rule and part in str(node["target"])
                for rule, part in GRADIOS_OWN
            )
        ]
    assert found == []
    assert [each for each in seen.requests if not each.startswith((url, "data:", "blob:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
