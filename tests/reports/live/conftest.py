"""What tests of pages in a browser share."""

import pytest

from tests.reports.browser import browser


@pytest.fixture(scope="module")
def running():
    """A browser, started once for a file's tests."""
    with browser() as started:
        yield started
