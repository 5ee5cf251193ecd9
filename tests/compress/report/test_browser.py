"""The page in a real browser: the distribution's Chromium, steered by its own chromedriver."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

WIDTHS = (390, 1280)


def click(element: Any) -> None:
    """In the middle of the window, where nothing lies over it."""
    element.parent.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("profile")
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(word)
    options.add_argument("--lang=en-US")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture
def page(browser: Any, made: Any) -> Iterator[Any]:
    """The page as somebody sees it first; afterwards nothing was reported and nothing was asked for elsewhere."""
    browser.set_window_size(1280, 900)
    browser.get(made.file.as_uri())
    assert browser.execute_script("return localStorage.length") == 0
    yield browser
    browser.execute_script("localStorage.clear()")
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {entry["params"]["request"]["url"] for entry in asked if entry["method"] == "Network.requestWillBeSent"}
    urls |= {entry["params"]["url"] for entry in asked if entry["method"] == "Network.webSocketCreated"}
    assert made.file.as_uri() in urls
    own = ("data:", "chrome:")  # what the page holds itself; the browser's first tab
    assert {url for url in urls if not url.startswith(own)} == {made.file.as_uri()}


def column(browser: Any, word: str) -> tuple[Any, int]:
    """The button of a column of the table, and its place."""
    heads = browser.find_elements(By.CSS_SELECTOR, "#models thead th")
    place = next(i for i, head in enumerate(heads) if word in head.text)
    return heads[place].find_element(By.TAG_NAME, "button"), place


def order(browser: Any) -> list[str]:
    return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#models tbody .number")]


def test_sorting_by_mouse_and_keyboard(page: Any) -> None:
    button, place = column(page, "parameters")
    head = page.find_elements(By.CSS_SELECTOR, "#models thead th")[place]
    cells = page.find_elements(By.CSS_SELECTOR, f"#models tbody tr td:nth-child({place + 1})")
    sizes = {str(i): float(cell.get_attribute("data-value")) for i, cell in enumerate(cells, 1)}
    rising = sorted(sizes, key=lambda number: sizes[number])
    click(button)
    assert head.get_attribute("aria-sort") == "ascending" and order(page) == rising
    button.send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "descending" and order(page)[0] == "1"
    click(column(page, "against the first")[0])
    assert order(page)[-2:] == ["1", "3"], "rows without a value stay at the end"


def words_of_charts(browser: Any) -> list[str]:
    words: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('svg.chart text')].map((text) => text.textContent)"
    )
    return words


def test_language(page: Any) -> None:
    root = page.find_element(By.TAG_NAME, "html")
    assert (
        root.get_attribute("lang") == "en"
        and page.find_element(By.CSS_SELECTOR, "#cost h2").text == "Accuracy and cost"
    )
    assert "recall" in words_of_charts(page)
    click(page.find_element(By.ID, "language"))
    assert root.get_attribute("lang") == "zh-CN" and page.find_element(By.CSS_SELECTOR, "#cost h2").text == "精度与代价"
    assert "召回率" in words_of_charts(page) and "recall" not in words_of_charts(page)
    page.refresh()
    assert page.find_element(By.TAG_NAME, "html").get_attribute("lang") == "zh-CN", "it is remembered"


def test_theme(page: Any) -> None:
    def paper() -> tuple[int, ...]:
        colour = page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
        return tuple(int(value) for value in colour[colour.index("(") + 1 : -1].split(",")[:3])

    button = page.find_element(By.ID, "theme")
    click(button)
    assert min(paper()) > 240 and "light" in button.text
    click(button)
    assert max(paper()) < 40 and "dark" in button.text
    ink = page.find_element(By.CSS_SELECTOR, "svg.chart text").value_of_css_property("fill")
    assert ink == "rgb(232, 234, 238)", "charts follow"


def test_scrubbing(page: Any) -> None:
    figure = page.find_element(By.CSS_SELECTOR, ".animation")
    slider, epoch = figure.find_element(By.TAG_NAME, "input"), figure.find_element(By.CSS_SELECTOR, "[data-epoch]")

    def seen() -> list[int]:
        frames = page.find_elements(By.CSS_SELECTOR, '.animation [id*="-frame"]')
        return [i for i, frame in enumerate(frames) if frame.value_of_css_property("display") != "none"]

    assert epoch.text == "3" and seen() == [2]
    slider.send_keys(Keys.ARROW_LEFT)
    assert epoch.text == "2" and seen() == [1] and slider.get_attribute("aria-valuetext").startswith("2: ")
    slider.send_keys(Keys.HOME)
    assert epoch.text == "1" and seen() == [0]
    play = figure.find_element(By.TAG_NAME, "button")
    click(play)
    assert play.get_attribute("aria-pressed") == "true"
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 20).until(lambda _: play.get_attribute("aria-pressed") == "false")
    assert epoch.text == "3", "it plays to the end and stops there"


def test_images_of_a_pair(page: Any) -> None:
    shots = page.find_elements(By.CSS_SELECTOR, ".pair:not([hidden]) .shots svg")
    assert len(shots) == 2 and shots[0].size["width"] > 100
    first = [len(shots[0].find_elements(By.CSS_SELECTOR, f".{side} rect")) for side in ("first", "second")]
    assert first == [2, 2]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(page: Any, width: int, made: Any) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        for details in page.find_elements(By.TAG_NAME, "details"):
            page.execute_script("arguments[0].open = true", details)
        wide = page.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
        small = page.execute_script(
            "const all = [...document.querySelectorAll('button, select')];"
            "return all.filter((one) => one.getBoundingClientRect().height < 20).length"
        )
        assert small == 0, "fingers need room"
        shot = page.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        keep(made.file.with_name(f"page-{width}.png"), shot["data"])
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def keep(file: Path, data: str) -> None:
    """An image of the page's upper end, for people to look at."""
    import base64

    file.write_bytes(base64.b64decode(data))
    assert file.stat().st_size > 10_000
