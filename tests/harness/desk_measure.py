"""From key to paint: measures the desk's keyboard flow in Chromium, with every answer held back by 80 ms.

`python -m harness.desk_measure` prints median, 95th percentile and the longest of each act. The
figures come from the page itself (`performance.measure`, from the key's time stamp to the frame after).
"""

import statistics
from typing import Any

from playwright.sync_api import Page, sync_playwright

from harness.desk_server import prototype

CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def figures(page: Page, name: str) -> list[float]:
    return page.evaluate(  # type: ignore[no-any-return]
        "name => performance.getEntriesByType('measure').filter(e => e.name === name).map(e => e.duration)",
        name,
    )


def details(page: Page, name: str) -> list[dict[str, Any]]:
    return page.evaluate(  # type: ignore[no-any-return]
        "name => performance.getEntriesByType('measure').filter(e => e.name === name).map(e => e.detail)",
        name,
    )


def walk(page: Page, pause: int) -> None:
    for key in "jjjjjjjjjjkkkkkjjjjjjjjjj":
        page.keyboard.press(key)
        page.wait_for_timeout(pause)


def told(name: str, values: list[float]) -> str:
    values = sorted(values)
    high = values[min(len(values) - 1, int(len(values) * 0.95))]
    middle = statistics.median(values)
    return f"{name:<34} n={len(values):<3} median {middle:6.1f} ms  p95 {high:6.1f}  max {values[-1]:6.1f}"


def main() -> None:
    with prototype(delay=0.08) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/desk/inbox/waiting")
        page.wait_for_timeout(800)
        walk(page, 400)
        moves, kinds = figures(page, "parley:move"), details(page, "parley:move")
        print(told("j/k, a key every 0.4 s", moves), f" warm {sum(k['warm'] for k in kinds)}/{len(kinds)}")
        page.evaluate("performance.clearMeasures()")
        walk(page, 60)
        page.wait_for_timeout(600)
        moves, kinds = figures(page, "parley:move"), details(page, "parley:move")
        print(told("j/k held down, every 0.06 s", moves), f" warm {sum(k['warm'] for k in kinds)}/{len(kinds)}")
        fills = figures(page, "parley:fill")
        print(told("  the rest of cold ones", fills) if fills else "  none had to be filled later")
        for number in range(12):
            page.keyboard.press("r")
            page.keyboard.type(f"Answer {number}")
            page.keyboard.press("Control+Enter")
            page.wait_for_timeout(250)
            page.keyboard.press("Escape")
            page.keyboard.press("j")
            page.wait_for_timeout(250)
        print(told("send", figures(page, "parley:send")))
        print(told("r, caret in the composer", figures(page, "parley:write")))
        for _ in range(5):
            page.keyboard.press("e")
            page.wait_for_timeout(400)
        print(told("e, close and next", figures(page, "parley:close")))
        browser.close()


if __name__ == "__main__":
    main()
