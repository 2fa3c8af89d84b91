"""Take the screenshots of the README: ``python -m tests.ui.screenshots [URL]``, by hand.

Without a URL it starts the lab as ``python app.py`` would, on a free port.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import sync_playwright

from labkit.ui.bench import Bench, embedded_models
from labkit.ui.library import open_library
from tests.ui.chromium import FLAGS, find_chromium

FOLDER = Path(__file__).parents[2] / "assets" / "screenshots"
SHOTS: tuple[tuple[str, int, int, Literal["light", "dark"]], ...] = (
    ("inspect.png", 1280, 1320, "light"),
    ("inspect-dark.png", 1280, 1320, "dark"),
    ("inspect-narrow.png", 800, 1320, "light"),
)


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


def main() -> None:
    lab, url = (None, sys.argv[1]) if len(sys.argv) > 1 else serving()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=find_chromium(driver), args=FLAGS)
        for name, width, height, scheme in SHOTS:
            page = chromium.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page.goto(url)
            page.wait_for_selector(".lk-row")
            page.wait_for_selector("#lk-bump .main-svg")
            # High enough that the line between kept and dropped is in the picture.
            box = page.get_by_label("number input for Threshold")
            box.fill("0.3")
            box.blur()
            page.wait_for_timeout(1000)
            page.screenshot(path=FOLDER / name)
            print(FOLDER / name, (FOLDER / name).stat().st_size // 1024, "KB")
            page.close()
        chromium.close()
    if lab is not None:
        lab.close()


if __name__ == "__main__":
    main()
