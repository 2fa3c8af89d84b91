"""Take the pictures of the tabs: ``python -m tests.ui.screenshots [--url URL] [TAB ...]``, by hand.

Without a URL it starts the lab as ``python app.py`` would, on a free port. Each tab is taken in
light, in dark and in a narrow window.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

from labkit.annotation.queue import judge
from labkit.annotation.store import Store
from labkit.evaluation.agreement import levels
from labkit.ui.annotate_data import Desk, Source, teacher_labels
from labkit.ui.bench import Bench, embedded_models
from labkit.ui.labelled import bundled_labels, read_labelled
from labkit.ui.library import BUNDLED, open_library
from labkit.ui.scores import Scores
from tests.ui.chromium import FLAGS, find_chromium

FOLDER = Path(__file__).parents[2] / "assets" / "screenshots"
PATIENCE = 600_000
COLOURS = 128
"""Of a picture's palette: text stays sharp, and the file a third of its size."""


class Variant(NamedTuple):
    suffix: str
    width: int
    scheme: Literal["light", "dark"]


VARIANTS = (
    Variant("", 1280, "light"),
    Variant("-dark", 1280, "dark"),
    Variant("-narrow", 800, "light"),
)


def set_threshold(page: Any, value: str) -> None:
    box = page.get_by_label("number input for Threshold")
    box.fill(value)
    box.blur()


def inspect(page: Any) -> None:
    page.wait_for_selector(".lk-row")
    page.wait_for_selector("#lk-bump .main-svg")
    # High enough that the line between kept and dropped is in the picture.
    set_threshold(page, "0.3")


def threshold(page: Any) -> None:
    page.wait_for_selector("#lk-scoring p, #lk-split-numbers table")
    if not page.locator("#lk-split-numbers table").count():
        page.get_by_role("button", name="Score them").click()
    page.wait_for_selector("#lk-split-numbers table")
    page.wait_for_selector("#lk-reliability .main-svg")
    set_threshold(page, "0.3")
    page.wait_for_function(
        "document.querySelector('.lk-numbers caption').innerText.includes('0.300')"
    )
    page.mouse.move(0, 0)


def disagreements(page: Any) -> None:
    page.wait_for_selector("#lk-pairs .lk-empty, #lk-pairs table")
    if not page.locator("#lk-pairs table").count():
        page.get_by_role("button", name="Score").click()
    page.wait_for_selector("#lk-scatter .main-svg")
    page.locator("#lk-pairs .lk-opens").first.click()
    page.wait_for_selector(".lk-pair-card")
    page.evaluate("window.scrollTo(0, 0)")
    page.mouse.move(0, 0)


def runs(page: Any) -> None:
    page.wait_for_selector("#lk-run-tables table")
    for chart in ("#lk-losses", "#lk-looks", "#lk-quality"):
        page.wait_for_selector(f"{chart} .main-svg")


def annotate(page: Any) -> None:
    page.wait_for_selector(".lk-begin, .lk-judged")
    page.get_by_label("Your name").fill("you")
    page.get_by_label("queries of").select_option("dev")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector(".lk-judged")
    # A card with a dialogue before the question and memories on either side shows most.
    for level in "121312":
        page.keyboard.press(level)
    while page.locator(".lk-chat li").count() < 2:
        page.keyboard.press("1")
    page.wait_for_function("/^✓/.test(document.querySelector('.lk-saved').textContent)")


def agreement(page: Any) -> None:
    page.wait_for_selector(".lk-agreement")
    page.locator(".lk-item").first.click()
    page.wait_for_selector(".lk-history li")
    page.mouse.move(0, 0)


class Shot(NamedTuple):
    height: int
    ready: Callable[[Any], None]


SHOTS = {
    "inspect": Shot(1320, inspect),
    "threshold": Shot(1500, threshold),
    "disagreements": Shot(1560, disagreements),
    "annotate": Shot(900, annotate),
    "agreement": Shot(1500, agreement),
    "runs": Shot(1560, runs),
}
"""By tab: how high the picture is, and what brings the tab into the state to show."""


def simulated_readers(desk: Desk) -> None:
    """Two readers, so that there is an agreement to see. They read nothing: what they say is the
    data's level, give or take."""
    source = Source(BUNDLED, "dev", embedded_models()[0])
    for name, slips in (("simulated A", (0, 0, 0, 0, 1)), ("simulated B", (0, 0, 0, 1, 3))):
        queue = desk.queue(source, name)
        for number, item in enumerate(item for item in queue.items if item.sampler == "overlap"):
            slip = slips[int(item.id[:6], 16) % len(slips)]
            judge(
                desk.store, queue, item, id_=f"{name}-{number}", model=source.model,
                level=min(int(levels(item.label)) + slip, 4), milliseconds=4_000,
            )  # fmt: skip


def serving(folder: Path) -> tuple[Any, str]:
    from labkit.ui.lab import build_lab, free_port, launch_options

    library, bench = open_library(), Bench(embedded_models())
    labels = bundled_labels()
    labelled = [] if labels is None else [read_labelled(labels)]
    store = Store(folder / "annotations.sqlite")
    simulated_readers(Desk(library, bench, Scores(bench), store, None, teacher_labels(labelled)))
    lab = build_lab(library, bench, store, labelled)
    _, url, _ = lab.launch(
        server_name="127.0.0.1",
        server_port=free_port("127.0.0.1", 7980),
        prevent_thread_lock=True,
        **launch_options(),
    )
    return lab, url


def shrink(path: Path) -> None:
    """Fewer colours; the picture stays as it looks."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tabs", nargs="*", default=list(SHOTS), metavar="TAB")
    parser.add_argument("--url")
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    # Nothing of it goes into the user's own annotations.
    folder = TemporaryDirectory(prefix="labkit-screenshots-")
    lab, url = (None, arguments.url) if arguments.url else serving(Path(folder.name))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=find_chromium(driver), args=FLAGS)
        for tab in arguments.tabs:
            shot = SHOTS[tab]
            for suffix, width, scheme in VARIANTS:
                page = chromium.new_page(
                    viewport={"width": width, "height": shot.height}, color_scheme=scheme
                )
                page.set_default_timeout(PATIENCE)
                page.goto(f"{url}?tab={tab}")
                shot.ready(page)
                page.wait_for_timeout(1000)
                path = arguments.out / f"{tab}{suffix}.png"
                page.screenshot(path=path)
                shrink(path)
                print(path.name, path.stat().st_size // 1024, "KB")
                page.close()
        chromium.close()
    if lab is not None:
        lab.close()
    folder.cleanup()


if __name__ == "__main__":
    main()
