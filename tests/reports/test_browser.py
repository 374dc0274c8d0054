"""The hostile report in a real browser: nothing runs, nothing is asked for."""

import http.server
import shutil
import subprocess
import threading

import pytest

from reports.report import build_report, write_report
from tests.reports.checkpoints import small_checkpoint, small_task

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture
def server():
    """A server on this machine that notes who asks for what."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def opened(page, profile):
    """The page's elements after it has loaded, and what the browser's console says."""
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-dev-shm-usage", f"--user-data-dir={profile}"),
        *("--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_nothing_runs_and_nothing_is_asked_for(tmp_path, server):
    address, asked = server
    names = (
        f'<img src="{address}/image" onerror="document.title=1">',
        f'"><script>document.title=1;fetch("{address}/script")</script>',
        f"</style><link rel=stylesheet href={address}/style>",
        f"</title></svg></math><iframe src={address}/frame></iframe>",
        "'onload='document.title=1",
        "javascript:document.title=1",
    )
    report = build_report(
        small_checkpoint(small_task(inputs=names[:3], outputs=names[3:]), hidden="[2]", seeds=1, command=names)
    )
    page = write_report(report, tmp_path)[0]
    text, console = opened(page, tmp_path / "profile")
    assert "<title>small – report</title>" in text
    assert console == []
    assert asked == []


def test_a_page_that_runs_and_asks_is_seen(tmp_path, server):
    address, asked = server
    page = tmp_path / "page.html"
    page.write_text(f"<title>a</title><script>document.title=1;console.log(1)</script><img src={address}/image>")
    text, console = opened(page, tmp_path / "profile")
    assert "<title>1</title>" in text
    assert console
    assert asked == ["/image"]
