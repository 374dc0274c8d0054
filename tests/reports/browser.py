"""A real browser for tests: pages opened without a network, and what they complained about."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed (apt install chromium)")


@contextmanager
def browser():
    """A browser that is started once for many pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield running
        running.close()


class Opened:
    """A page in a window of its own, and what went wrong in it."""

    def __init__(self, running, path, *, fragment="", width=1280, scheme="light", offline=True):
        window = {"width": width, "height": 900}
        self.context = running.new_context(viewport=window, color_scheme=scheme, offline=offline)
        self.page = self.context.new_page()
        self.said, self.asked, self.dialogs = [], [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri() + fragment)
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)

    @property
    def requests(self):
        """What was asked for besides the page itself; data in the page is no request."""
        return [url for url in self.asked[1:] if not url.startswith(("data:", "blob:"))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
