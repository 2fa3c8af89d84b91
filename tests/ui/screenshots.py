"""Take the pictures of the tabs: ``python -m tests.ui.screenshots [--url URL] [TAB ...]``, by hand.

Without a URL it starts the lab as ``python app.py`` would, on a free port. Each tab is taken in
light, in dark and in a narrow window.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

from labkit.ui.bench import Bench, embedded_models
from labkit.ui.library import open_library
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


class Shot(NamedTuple):
    height: int
    ready: Callable[[Any], None]


SHOTS = {"inspect": Shot(1320, inspect), "threshold": Shot(1500, threshold)}
"""By tab: how high the picture is, and what brings the tab into the state to show."""


def serving() -> tuple[Any, str]:
    from labkit.ui.lab import build_lab, free_port, launch_options

    lab = build_lab(open_library(), Bench(embedded_models()))
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
    lab, url = (None, arguments.url) if arguments.url else serving()
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


if __name__ == "__main__":
    main()
