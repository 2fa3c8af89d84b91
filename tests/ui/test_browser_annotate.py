"""Annotate and Agreement in real Chromium: nothing that was decided is lost, or counted twice."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.events import Event
from labkit.annotation.store import Store, Unavailable
from labkit.annotation.users import Hashed, Users
from labkit.records import write_examples
from labkit.sources.lives import parse_life
from labkit.ui.bench import Bench
from labkit.ui.library import DATA, Collection, Library
from tests.ui.made_up import HOSTILE, desk_library, hostile_life

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PATIENCE = 120_000
APP = Path(__file__).parents[2] / "app.py"


@dataclass
class Lab:
    """A lab that serves from this process, and its store."""

    url: str
    store: Store

    def events(self, annotator: str) -> list[Event]:
        return self.store.events(annotator=annotator)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def serving(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lab]]:
    """Starts labs; all are stopped at the end."""
    from labkit.ui.lab import build_lab, launch_options

    started: list[Any] = []

    def start(library: Library, **options: Any) -> Lab:
        store = Store(tmp_path_factory.mktemp("lab") / "annotations.sqlite")
        lab = build_lab(library, bench, store)
        _, url, _ = lab.launch(
            server_name="127.0.0.1",
            server_port=free_port(),
            prevent_thread_lock=True,
            **launch_options(),
            **options,
        )
        started.extend((lab, store))
        return Lab(url, store)

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def lab(serving: Callable[..., Lab]) -> Lab:
    return serving(desk_library(60))


@pytest.fixture
def pages(browser: Any) -> Iterator[Callable[[], Any]]:
    """Opens pages, each in a browser of its own; what they complain of fails the test."""
    contexts, errors = [], list[str]()

    def new() -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield new
    for context in contexts:
        context.close()
    assert errors == []


def begin(page: Any, url: str, name: str) -> None:
    page.goto(f"{url.rstrip('/')}/?tab=annotate")
    page.wait_for_selector(".lk-begin")
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    wait_for_card(page)


def wait_for_card(page: Any) -> None:
    page.wait_for_selector(".lk-judged")


def wait_until_saved(page: Any) -> None:
    page.wait_for_function("/^✓/.test(document.querySelector('.lk-saved')?.textContent ?? '')")


def place(page: Any) -> int:
    """The number of the card."""
    found = re.search(r"card (\d+) of", page.locator(".lk-count").inner_text())
    assert found is not None
    return int(found[1])


def queue_of(page: Any, name: str, model: str = "minilm-cosine") -> list[str]:
    """The queue as the server has it."""
    asked = {"collection": DATA, "split": "train", "model": model, "annotator": name}
    found: list[str] = page.evaluate(
        """async (asked) => (await (await fetch('gradio_api/run/annotate_open', {
            method: 'POST', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({ data: [asked] }),
        })).json()).data[0].queue""",
        asked,
    )
    return found


def test_sixty_labels_typed_fast_are_stored_in_order_whatever_the_network_does(
    pages: Callable[[], Any], lab: Lab
) -> None:
    page = pages()
    begin(page, lab.url, "ana")
    queue = queue_of(page, "ana")
    sent = []

    def hinder(route: Any) -> None:
        sent.append(route.request.post_data_json)
        if len(sent) == 1:  # it arrives, and its answer does not
            route.fetch()
            route.abort()
        elif len(sent) == 2:  # it does not arrive
            route.abort()
        else:
            page.wait_for_timeout(200)
            route.continue_()

    page.route("**/run/annotate_save", hinder)
    typed = "135241342512" * 5
    page.keyboard.type(typed)
    page.wait_for_function("document.querySelector('.lk-count').textContent.includes('60 judged')")
    wait_until_saved(page)
    assert len(sent) >= 3
    events = lab.events("ana")
    assert [event.item for event in events] == queue[:60]
    assert [event.level for event in events] == [int(digit) - 1 for digit in typed]
    assert all(event.blind and event.kind == "label" for event in events)
    assert all(event.milliseconds is not None for event in events)
    assert [event.time for event in events] == sorted(event.time or "" for event in events)

    # A reload comes back to where one was, without asking for the name; undo goes on from there.
    page.reload()
    wait_for_card(page)
    assert place(page) == 61
    page.keyboard.press("u")
    page.wait_for_function("document.querySelector('.lk-count').textContent.includes('59 judged')")
    wait_until_saved(page)
    assert place(page) == 60
    undo = lab.events("ana")[-1]
    assert (undo.kind, undo.undo_of) == ("undo", events[-1].id)
    page.keyboard.press("4")
    wait_until_saved(page)
    standing = {event.item: event.level for event in lab.store.standing(annotator="ana")}
    assert standing[queue[59]] == 3 and len(standing) == 60


def test_the_job_by_keyboard(pages: Callable[[], Any], lab: Lab) -> None:
    page = pages()
    begin(page, lab.url, "bo")
    keys = page.keyboard
    keys.press("n")
    keys.type("12345 s u b")  # belongs to the note
    keys.press("Enter")
    keys.press("k")
    page.get_by_label("How it fools").select_option("superseded")
    keys.press("Escape")
    keys.press("2")
    keys.press("?")
    keys.type("two readings")
    keys.press("Enter")
    keys.press("s")
    keys.press("5")
    wait_until_saved(page)
    told = [(e.kind, e.level, e.note, e.negative_kind) for e in lab.events("bo")]
    assert told == [
        ("label", 1, "12345 s u b", "superseded"), ("cannot_tell", None, "two readings", None),
        ("skip", None, None, None), ("label", 4, None, None),
    ]  # fmt: skip
    assert place(page) == 5
    # Back shows what was said and what the data and the student say; to say it again is not blind.
    hidden = "hidden until you have decided"
    assert hidden in page.locator(".lk-sealed").inner_text()
    keys.press("b")
    page.wait_for_function("document.querySelector('.lk-sealed').textContent.includes('data says')")
    assert place(page) == 4
    assert "You said: level 5" in page.locator(".lk-before").inner_text()
    keys.press("3")
    keys.press("b")
    keys.press("b")
    assert place(page) == 3
    keys.press("u")  # takes the last thing back, wherever one is
    wait_until_saved(page)
    assert place(page) == 4
    told = [(e.kind, e.level, e.blind) for e in lab.events("bo")[4:]]
    assert told == [("label", 2, False), ("undo", None, False)]
    keys.press("m")
    keys.down("1")
    for _ in range(5):  # held down, it repeats
        keys.down("1")
    keys.up("1")
    wait_until_saved(page)
    assert len(lab.events("bo")) == 7


def test_the_job_by_mouse(pages: Callable[[], Any], lab: Lab) -> None:
    page = pages()
    begin(page, lab.url, "cy")

    def press(name: str) -> None:
        page.locator(".lk-desk").get_by_role("button", name=name, exact=True).click()

    page.get_by_role("button", name="Partly").dblclick()  # the second click is not for the next
    page.wait_for_timeout(600)
    press("Can't tell")
    page.get_by_role("button", name="The texts contradict each other.").click()
    page.wait_for_timeout(600)
    press("Skip")
    page.wait_for_timeout(600)
    press("Irrelevant")
    page.wait_for_timeout(600)
    press("Undo")
    wait_until_saved(page)
    kinds = [(event.kind, event.level) for event in lab.events("cy")]
    assert kinds == [
        ("label", 2), ("cannot_tell", None), ("skip", None), ("label", 0), ("undo", None),
    ]  # fmt: skip
    assert place(page) == 4
    page.wait_for_timeout(600)
    press("Back")
    assert place(page) == 3
    page.get_by_label("show scores").check()
    page.wait_for_function("document.querySelector('.lk-sealed').textContent.includes('data says')")
    page.get_by_role("button", name="Contains the answer").click()
    wait_until_saved(page)
    assert lab.events("cy")[-1].blind is False


def test_two_browsers_at_once_and_their_differences_are_settled(
    pages: Callable[[], Any], lab: Lab, tmp_path: Path
) -> None:
    di, ed = pages(), pages()
    begin(di, lab.url, "di")
    begin(ed, lab.url, "ed")
    orders = queue_of(di, "di"), queue_of(ed, "ed")
    assert orders[0] != orders[1] and set(orders[0]) == set(orders[1])
    for _ in range(6):
        di.keyboard.type("12345")
        ed.keyboard.type("54321")
    wait_until_saved(di)
    wait_until_saved(ed)
    for name, order, digits in (("di", orders[0], "12345"), ("ed", orders[1], "54321")):
        events = lab.events(name)
        assert [event.item for event in events] == order[:30]
        assert [event.level for event in events] == [int(d) - 1 for d in digits] * 6

    page = ed
    page.get_by_role("tab", name="Agreement", exact=True).click()
    page.wait_for_selector(".lk-agreement")
    tiles = page.locator(".lk-agreement .lk-tiles").inner_text()
    assert "Krippendorff" in tiles and "to settle" in tiles
    assert "di – ed" in page.locator(".lk-agreement").inner_text()
    first = page.locator(".lk-item").first
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".lk-open-item .lk-history")
    before = page.locator(".lk-open-item:not([hidden]) .lk-history li").count()
    page.locator(".lk-open-item:not([hidden])").get_by_role("button", name="3 Partly").click()
    page.wait_for_function(
        "n => document.querySelectorAll('.lk-open-item:not([hidden]) .lk-history li').length > n",
        arg=before,
    )
    settled = [event for event in lab.store.events() if event.kind == "adjudication"]
    assert [(event.annotator, event.level) for event in settled] == [("ed", 2)]

    page.get_by_role("button", name="Export as training data").click()
    link = page.locator("#lk-export-file a").first
    link.wait_for()
    with page.expect_download() as downloading:
        link.click()
    downloading.value.save_as(tmp_path / "export.zip")
    assert (tmp_path / "export.zip").stat().st_size > 1_000
    assert "labels by people" in page.locator("#lk-exported").inner_text()


def test_a_full_disk_is_said_and_what_was_decided_stays(
    pages: Callable[[], Any], lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = pages()
    begin(page, lab.url, "flo")

    def full(event: Event) -> Event:
        raise Unavailable("annotations.sqlite: database or disk is full; nothing was written")

    with monkeypatch.context() as patch:
        patch.setattr(lab.store, "append", full)
        page.keyboard.type("123")
        page.wait_for_selector(".lk-failed")
        page.wait_for_function("document.querySelector('.lk-saved').textContent.includes('3 judg')")
        assert "disk is full" in page.locator(".lk-failed").inner_text()
        assert lab.events("flo") == []
        # Not even a closed page loses it.
        page.reload()
        page.wait_for_selector(".lk-failed")
        assert "3 judgements are kept in this browser" in page.locator(".lk-failed").inner_text()
        assert place(page) == 4
    page.get_by_role("button", name="Try now").click()
    wait_until_saved(page)
    assert [event.level for event in lab.events("flo")] == [0, 1, 2]


def test_kill_9_in_the_middle_loses_nothing(pages: Callable[[], Any], tmp_path: Path) -> None:
    examples = desk_library(30).collection(DATA).examples("train")
    write_examples(tmp_path / "things.jsonl", examples)
    port, where = free_port(), tmp_path / "a.sqlite"

    def start() -> subprocess.Popen[str]:
        arguments = ["--data", tmp_path / "things.jsonl", "--model", "minilm-cosine"]
        app = subprocess.Popen(
            [sys.executable, APP, *arguments, "--port", str(port), "--store", where],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert app.stdout is not None
        for line in app.stdout:
            if f"http://127.0.0.1:{port}" in line:
                return app
        raise AssertionError("the lab did not start")

    app = start()
    try:
        page = pages()
        begin(page, f"http://127.0.0.1:{port}", "ana")
        queue = queue_of(page, "ana")
        page.keyboard.type("1234512345")
        page.wait_for_function(
            "document.querySelector('.lk-count').textContent.includes('10 judged')"
        )
        app.send_signal(signal.SIGKILL)  # some are stored, some wait, one may be on its way
        app.wait(30)
        with Store(where) as store:
            before = store.events()
        page.keyboard.type("54321")
        page.wait_for_selector(".lk-failed")
        app = start()
        from playwright.sync_api import TimeoutError as Gone

        with contextlib.suppress(Gone):  # it may have tried again by itself
            page.get_by_role("button", name="Try now").click(timeout=5_000)
        wait_until_saved(page)
        with Store(where) as store:
            events = store.events()
        assert events[: len(before)] == before
        assert [event.item for event in events] == queue[:15]
        assert [event.level for event in events] == [0, 1, 2, 3, 4] * 2 + [4, 3, 2, 1, 0]
    finally:
        app.kill()
        app.wait(30)


def test_hostile_texts_names_and_notes_are_text(
    pages: Callable[[], Any], serving: Callable[..., Lab]
) -> None:
    lab = serving(Library([Collection.of(DATA, "x", [parse_life(hostile_life())])]))
    page = pages()
    begin(page, lab.url, HOSTILE[0])
    assert page.locator("#lk-annotate .lk-said").all_inner_texts() == list(HOSTILE)
    assert page.locator(".lk-asked-question").inner_text() == " ".join(HOSTILE)
    seen = set()
    for _ in range(len(HOSTILE) - 1):
        seen.add(page.locator("#lk-annotate .lk-judged .lk-text").inner_text())
        page.keyboard.press("n")
        page.keyboard.insert_text(HOSTILE[4])
        page.keyboard.press("Enter")
        page.keyboard.press("1")
        page.wait_for_timeout(50)
    wait_until_saved(page)
    page.wait_for_selector(".lk-finished:not([hidden])")
    assert seen == {f"n. {i} {text}" for i, text in enumerate(HOSTILE) if i}
    page.keyboard.press("b")
    page.wait_for_function("document.querySelector('.lk-sealed').textContent.includes('author')")
    assert HOSTILE[4] in page.locator(".lk-sealed").inner_text()
    page.get_by_role("tab", name="Agreement", exact=True).click()
    page.wait_for_selector(".lk-agreement")
    page.locator(".lk-item").first.click()
    page.wait_for_selector(".lk-history")
    history = page.locator(".lk-history").inner_text()
    assert HOSTILE[0] in history and HOSTILE[4] in history
    assert page.evaluate("window.pwned") is None
    assert page.locator("#lk-annotate img, #lk-agreement img, #lk-agreement svg").count() == 0


def test_who_logs_in_is_who_annotates(
    pages: Callable[[], Any], serving: Callable[..., Lab]
) -> None:
    from labkit.ui.lab import login_of

    users = Users({"ana": Hashed.of("correct horse")})
    lab = serving(desk_library(10), auth=login_of(users))
    page = pages()
    page.goto(f"{lab.url}?tab=annotate")
    for password, enters in (("wrong", False), ("correct horse", True)):
        page.get_by_label("username").fill("ana")
        page.get_by_label("password").fill(password)
        page.get_by_role("button", name="Login").click()
        if not enters:
            page.get_by_text("Incorrect").first.wait_for()
    page.get_by_role("tab", name="Annotate", exact=True).click()
    page.wait_for_selector(".lk-begin")
    assert page.get_by_label("You are logged in as").input_value() == "ana"
    page.get_by_role("button", name="Begin").click()
    wait_for_card(page)
    page.keyboard.press("2")
    wait_until_saved(page)
    assert [event.annotator for event in lab.store.events()] == ["ana"]

    # Another's name is refused, and so is who has not logged in.
    post = """async (data) => {
        const sent = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
        const body = JSON.stringify({ data: [data] });
        const answer = await fetch('gradio_api/run/annotate_save', { ...sent, body });
        return [answer.status, JSON.stringify(await answer.json())];
    }"""
    asked = {"collection": DATA, "split": "train", "model": "minilm-cosine", "annotator": "bo"}
    status, answer = page.evaluate(post, {**asked, "events": []})
    assert status == 200 and "you are logged in as" in answer
    stranger = pages()
    stranger.goto(lab.url)
    status, _ = stranger.evaluate(post, {**asked, "events": []})
    assert status == 401


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (800, "dark")])
def test_both_tabs_fit_are_accessible_and_ask_nobody_else(
    browser: Any, lab: Lab, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    def faults(part: str) -> list[str]:
        """What axe finds in a part of the page that is ours."""
        page.wait_for_timeout(500)  # colours fade over
        return [
            f"{violation['id']} {node['target'][0]} {node['failureSummary']}"
            for violation in Axe().run(page, context=part).response["violations"]
            for node in violation["nodes"]
        ]

    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    requests = list[str]()
    page.on("request", lambda request: requests.append(request.url))
    begin(page, lab.url, "gil")
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.evaluate(fits)
    page.keyboard.type("21b")
    wait_until_saved(page)
    assert faults("#lk-annotate") == []
    page.get_by_role("tab", name="Agreement", exact=True).click()
    page.wait_for_selector(".lk-agreement")
    page.locator(".lk-item").first.click()
    page.wait_for_selector(".lk-history")
    assert page.evaluate(fits)
    assert faults("#lk-agreement") == []
    assert [url for url in requests if not url.startswith((lab.url, "data:", "blob:"))] == []
    context.close()
