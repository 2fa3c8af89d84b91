"""The page in real Chromium, by mouse and keyboard, on made-up lives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.ui.chromium import open_page
from tests.ui.made_up import HOSTILE, hostile_life, roof_life, write_lives

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PATIENCE = 60_000


class Seen:
    """What a page asked for and complained of."""

    def __init__(self, page: Any) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self.heard)

    def heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with open_page(browser, height=900, patience=PATIENCE) as page:
        yield page


@pytest.fixture
def seen(page: Any) -> Seen:
    return Seen(page)


def open_lab(page: Any, url: str, **params: str) -> None:
    query = "&".join(f"{key}={quote(value)}" for key, value in params.items())
    page.goto(f"{url}?{query}" if query else url)
    page.wait_for_selector(".lk-row")
    page.wait_for_selector("#lk-bump .main-svg")


def kept(page: Any) -> list[str]:
    """Ids of the rows above the line, and that the line is where the classes say."""
    rows = page.locator(".lk-table tbody tr").evaluate_all(
        "rows => rows.map(r => r.classList.contains('lk-cut') ? '|'"
        " : (r.classList.contains('dropped') ? '-' : '+') + r.dataset.id)"
    )
    line = rows.index("|")
    assert all(row.startswith("+") for row in rows[:line])
    assert all(row.startswith("-") for row in rows[line + 1 :])
    return [row[1:] for row in rows[:line]]


def wait_for_dropped(page: Any, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('.lk-row.dropped').length === {count}")


def counts(page: Any) -> str:
    return re.sub(r"\s+", " ", page.locator("#lk-counts").inner_text())


def test_the_threshold_changes_what_is_kept(page: Any, seen: Seen, lab_url: str) -> None:
    open_lab(page, lab_url)
    slider = page.get_by_label("range slider for Threshold")
    box = page.get_by_label("number input for Threshold")
    page.wait_for_timeout(1000)  # for what the page asks at its start
    before = len(seen.requests)

    box.fill("0")
    box.blur()
    wait_for_dropped(page, 0)
    assert len(kept(page)) == 8
    assert "kept 8 of 8" in counts(page)
    assert "relevant kept 1 of 1" in counts(page)
    assert "precision 0.125" in counts(page)

    slider.focus()
    page.keyboard.press("End")
    wait_for_dropped(page, 8)
    assert kept(page) == []
    assert "precision –" in counts(page)
    assert "recall 0.000" in counts(page)
    page.keyboard.press("Home")
    wait_for_dropped(page, 0)

    probabilities = [float(p) for p in page.locator(".lk-p").all_inner_texts()]
    box.fill(f"{(probabilities[1] + probabilities[2]) / 2:.4f}")
    box.blur()
    wait_for_dropped(page, 6)
    assert len(kept(page)) == 2
    verdicts = page.locator("td.c-verdict").all_inner_texts()
    assert verdicts == ["kept"] * 2 + ["dropped"] * 6
    assert seen.requests[before:] == [], "the threshold is a matter of the browser alone"
    assert not seen.errors


def test_the_slider_greys_within_100_ms(page: Any, lab_url: str) -> None:
    open_lab(page, lab_url)
    times = page.evaluate(
        """async () => {
            const slider = document.querySelector('#lk-decide input[type=range]');
            const times = [];
            for (let i = 0; i < 9; i++) {
                const wanted = i % 2 ? 8 : 0;
                const start = performance.now();
                slider.value = i % 2 ? 1 : 0;
                slider.dispatchEvent(new Event('input', { bubbles: true }));
                while (document.querySelectorAll('.lk-row.dropped').length !== wanted) {
                    if (performance.now() - start > 5000) return [];
                    await new Promise((done) => setTimeout(done, 0));
                }
                times.push(performance.now() - start);
            }
            return times;
        }"""
    )
    print(f"slider to grey, ms: {[round(time, 1) for time in times]}")
    # The lower quartile: what the page takes where nobody else takes the processor.
    assert times and sorted(times)[len(times) // 4] < 100


def test_hostile_text_is_text(page: Any, seen: Seen, lab_url: str, tmp_path: Path) -> None:
    life = hostile_life()
    open_lab(page, lab_url, dialogue=life["id"])
    page.wait_for_function("document.querySelector('.lk-table caption').innerText.includes('img')")
    texts = page.locator(".lk-text").all_inner_texts()
    assert sorted(texts) == sorted(f"n. {i} {text}" for i, text in enumerate(HOSTILE))
    assert HOSTILE[3] in " ".join(page.locator("td.c-who").all_inner_texts())
    caption = page.locator(".lk-table caption").inner_text()
    for text in (life["title"], life["id"], " ".join(HOSTILE)):
        assert text in caption
    assert page.locator(".lk-said").all_inner_texts() == list(HOSTILE)
    assert HOSTILE[4] in page.locator(".lk-why").inner_text()
    labels = " ".join(page.locator("#lk-bump text").all_text_contents())
    assert HOSTILE[4][:30] in labels and HOSTILE[0][:20] in labels
    page.locator("#lk-bump .points path").first.hover(force=True)

    # The same by hand: a question, a file and its name, a chat.
    question = page.locator("#lk-question textarea")
    question.fill(HOSTILE[4] + HOSTILE[0])
    question.press("Enter")
    page.wait_for_function("document.querySelector('.lk-table q').innerText.startsWith('${Object')")
    page.get_by_role("button", name="Bring your own").click()
    named = write_lives(tmp_path / "<img src=x onerror=pwned=1>${pwned=2}.jsonl", roof_life())
    page.locator("#lk-sidebar input[type=file]").set_input_files(named)
    page.get_by_text("Ana, in June.").wait_for()
    page.get_by_label("Or paste a chat").fill(f"Ana: {HOSTILE[4]}\nBo: {HOSTILE[0]}")
    page.get_by_role("button", name="Read the pasted chat").click()
    page.wait_for_selector(".lk-empty")
    question.fill("what")
    question.press("Enter")
    page.wait_for_function("document.querySelectorAll('.lk-row').length === 2")
    assert HOSTILE[4] in page.locator(".lk-text").all_inner_texts()

    assert page.evaluate("window.pwned") is None
    assert page.locator(".lk-table img, .lk-table svg, #lk-asked img, #lk-notice img").count() == 0
    assert not seen.errors


def test_another_query_by_list_button_and_hand(page: Any, seen: Seen, lab_url: str) -> None:
    open_lab(page, lab_url)
    assert "Ana, in June." in page.locator("#lk-asked").inner_text()
    page.get_by_label("Query", exact=True).click()
    page.get_by_role("option", name="abstain").click()
    page.get_by_text("The right result is to keep nothing").wait_for()
    page.wait_for_function("location.search.includes('life-roof-q2')")
    assert "keep none" in counts(page)

    # The address names the query, so a reload and a shared link open it again. Leaving a page cuts
    # Gradio's event stream, of which it may complain to the console: no fault of the new page.
    assert not seen.errors
    page.reload()
    seen.errors.clear()
    page.get_by_text("The right result is to keep nothing").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Ana, in June.").wait_for()

    question = page.locator("#lk-question textarea")
    question.fill("Who bought a car?")
    question.press("Enter")
    page.get_by_text("so there is no gold here").wait_for()
    assert "no gold" in counts(page)
    assert page.locator("td.c-gold").all_inner_texts() == [""] * 8

    question.fill(" ")
    question.press("Enter")
    page.locator(".lk-notice").wait_for()
    assert "the question is empty" in page.locator(".lk-notice").inner_text()
    assert page.locator(".lk-row").count() == 8, "what was shown stays"
    assert not seen.errors


def test_the_first_stage_order_is_a_click_away(page: Any, lab_url: str) -> None:
    open_lab(page, lab_url)
    places = [str(i) for i in range(1, 9)]
    page.get_by_role("button", name="1st").click()
    assert page.locator("td.c-first").all_inner_texts() == places
    assert page.locator(".lk-cut").is_hidden()
    page.get_by_role("button", name="#", exact=True).click()
    assert page.locator("td.c-rank").all_inner_texts() == places
    assert page.locator(".lk-cut").is_visible()


def test_a_bad_upload_is_one_line_on_the_page(
    page: Any, seen: Seen, lab_url: str, tmp_path: Path
) -> None:
    open_lab(page, lab_url)
    broken = tmp_path / "broken.json"
    broken.write_text("[1, 2", encoding="utf-8")
    page.get_by_role("button", name="Bring your own").click()
    page.locator("#lk-sidebar input[type=file]").set_input_files(broken)
    page.locator(".lk-notice").wait_for()
    assert "broken.json" in page.locator(".lk-notice").inner_text()
    assert "Traceback" not in page.content()
    assert page.locator(".lk-row").count() == 8
    assert not seen.errors


def test_a_link_to_nowhere_says_so(page: Any, lab_url: str) -> None:
    open_lab(page, lab_url, dialogue="life-Z99")
    page.locator(".lk-notice").wait_for()
    assert "life-Z99" in page.locator(".lk-notice").inner_text()
    assert page.locator(".lk-row").count() == 8


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (800, "light"), (420, "light")]
)
def test_no_outside_request_no_error_no_overflow(
    browser: Any, lab_url: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Seen(page)
    open_lab(page, lab_url)
    page.wait_for_timeout(1000)
    own = (lab_url, "data:", "blob:")
    assert [url for url in seen.requests if not url.startswith(own)] == []
    assert not seen.errors
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(
        "(t => t.scrollWidth <= t.clientWidth)(document.querySelector('.lk-table'))"
    )
    context.close()


def test_in_a_narrow_window_a_memory_takes_a_line_of_its_own(page: Any, lab_url: str) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    open_lab(page, lab_url)
    row = page.locator(".lk-row").first
    score, text = (row.locator(f".c-{name}").bounding_box() for name in ("score", "text"))
    assert score is not None and text is not None
    assert text["y"] >= score["y"] + score["height"] and text["width"] > 300


def test_a_slider_that_comes_after_the_table_is_heeded(page: Any, lab_url: str) -> None:
    # A slow browser draws the one before the other; here the script does not find it for a while.
    page.add_init_script("""
        const find = document.querySelector.bind(document);
        window.late = 0;
        document.querySelector = (what) =>
          what.includes('input[type="number"]') && window.late++ < 30 ? null : find(what);
    """)
    open_lab(page, lab_url)
    page.wait_for_function("window.late > 30")
    probabilities = [float(p) for p in page.locator(".lk-p").all_inner_texts()]
    threshold = float(page.get_by_label("number input for Threshold").input_value())
    assert len(kept(page)) == sum(p >= threshold for p in probabilities) < len(probabilities)


def test_the_threshold_stays_in_sight(page: Any, lab_url: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    open_lab(page, lab_url)
    page.locator(".lk-row").last.scroll_into_view_if_needed()
    box = page.locator("#lk-decide").bounding_box()
    assert box is not None and 0 <= box["y"] < 10
