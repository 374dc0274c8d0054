"""The browser in which pages are measured and photographed: chromium, without a network of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextmanager
def chromium() -> Iterator[Any]:
    """Lends a running browser, as playwright hands it out."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_ARGUMENTS))
        yield browser
        browser.close()
