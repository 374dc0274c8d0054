"""Finds a C compiler, turns a text into a loaded library, and keeps what it has built for the next run."""

import ctypes
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from bimt.messages import printable

_FLAGS = (
    "-O3",
    "-march=native",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-shared",
    "-pthread",
)
_HERE = Path(__file__).parent
_SECONDS = 120


class NoCompiler(Exception):  # noqa: N818 - it is no error
    """There is none, or it cannot build this; says which."""


@lru_cache
def find_compiler() -> tuple[str, ...]:
    """Returns how a C compiler is called: $CC, else that of the package ziglang (a clang from pip), else the system's.

    Raises:
        NoCompiler: If there is none, $CC is no command, or BIMT_COMPILER=none asks for none.
    """
    if os.environ.get("BIMT_COMPILER") == "none":
        raise NoCompiler("BIMT_COMPILER=none")
    chosen = os.environ.get("CC")
    if chosen and chosen.strip():
        try:
            return tuple(shlex.split(chosen))
        except ValueError as error:
            raise NoCompiler(f"CC must be a command, got {printable(chosen)}: {error}") from error
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "cc")
    for name in ("clang", "gcc", "cc"):
        if path := shutil.which(name):
            return (path,)
    raise NoCompiler("no C compiler was found; pip install 'bimt-toolkit[fast]' brings one")


def load(source: str, *flags: str) -> ctypes.CDLL:
    """Builds a text that may include the headers here, unless it was built before, and loads it.

    Args:
        source: The text.
        flags: What the compiler is told beside the usual, which they overrule.

    Raises:
        NoCompiler: If no compiler is there, or it refuses.
    """
    compiler = find_compiler()
    try:
        path = _cache() / f"{_key(compiler, source, flags)}.so"
        if path.is_file():
            with suppress(OSError):  # a crash can leave an empty file behind: it is built again
                return ctypes.CDLL(str(path))
        _build(compiler, source, flags, path)
        return ctypes.CDLL(str(path))
    except subprocess.TimeoutExpired as error:
        raise NoCompiler(f"{compiler[0]} was not done after {_SECONDS} seconds") from error
    except OSError as error:
        raise NoCompiler(f"{compiler[0]} or what it built cannot be run: {error}") from error


def _build(compiler: Sequence[str], source: str, flags: Sequence[str], path: Path) -> None:
    """Writes the library under another name first: two processes may build it at once."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        text, library = Path(scratch) / "program.c", Path(scratch) / "program.so"
        text.write_text(source, encoding="utf-8")
        command = [*compiler, *_FLAGS, *flags, f"-I{_HERE}", str(text), "-o", str(library), "-lm"]
        done = _run(command)
        if done.returncode or not library.is_file():
            lines = done.stderr.strip().splitlines() or ["it said nothing"]
            raise NoCompiler(f"{' '.join(compiler)} failed: {lines[0]}")
        library.replace(path)


def _cache() -> Path:
    """Returns a folder that only its owner can write to: what lies there is run."""
    for folder in _folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.stat()
        except OSError:
            continue
        if found.st_uid == os.getuid() and not found.st_mode & 0o022 and os.access(folder, os.W_OK):
            return folder
    raise NoCompiler("there is no folder to keep what is built that nobody else can write to")


def _folders() -> Iterator[Path]:
    """Yields where the cache may be, the best first: not everybody has a home, or room for temporary files."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        yield Path(base) / "bimt"
    else:
        with suppress(RuntimeError):
            yield Path.home() / ".cache" / "bimt"
    yield Path(tempfile.gettempdir()) / f"bimt-{os.getuid()}"


def _key(compiler: Sequence[str], source: str, flags: Sequence[str] = ()) -> str:
    """Names everything that decides the bits of a library, the processor too: homes are shared among machines."""
    headers = [path.read_text(encoding="utf-8") for path in sorted(_HERE.glob("*.h"))]
    parts = [source, *headers, *compiler, *_FLAGS, *flags, _version(tuple(compiler))]
    return hashlib.sha256("\0".join([*parts, platform.machine(), _processor()]).encode()).hexdigest()[:32]


@lru_cache
def _version(compiler: tuple[str, ...]) -> str:
    return _run([*compiler, "--version"]).stdout.partition("\n")[0]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)


@lru_cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(
        sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))})
    )
