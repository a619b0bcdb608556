"""Workers that may die: each attempt under a limit of time and memory, its verdict sent to the parent."""

import gc
import json
import logging
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.targets import Target
from napari_saunetv2.errors import SaunetError

SECONDS = 60.0
"""Wall time of one attempt, on a machine that does other things too."""

MEMORY = 6 * 2**30
"""Address space beyond what a worker starts with: a TIFF may decode to 4 GiB."""

RESIDENT = 300 * 2**20
"""Memory in use that a worker may have gained by its end."""


@dataclass
class Figures:
    """What came of it all."""

    attempts: int = 0
    read: int = 0
    refused: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_number: int = 0
    peak: int = 0
    gained: int = 0
    handles: int = 0
    workers: int = 0


def fuzz(
    target: Target, kind: str, count: int, *, seed: int = 0, each: int = 500, keep: Path | None = None
) -> Figures:
    """Make ``count`` attempts (``kind`` is "file", "array" or "dicom"), ``each`` in one worker."""
    figures = Figures()
    number = 0
    while number < count:
        number = _worker(target, kind, number, min(count, number + each), seed, figures, keep)
        figures.workers += 1
    return figures


def _worker(target, kind, first, last, seed, figures, keep) -> int:
    """Run attempts first..last in a child; returns the number of the next attempt."""
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        status = 1
        try:
            _child(target, kind, first, last, seed, start, keep)
            status = 0
        finally:
            os._exit(status)
    os.close(start)
    number = first
    for line in _lines(end):
        if line is None:
            os.kill(child, signal.SIGKILL)
            figures.faults.append(f"{kind} {number}: took over {SECONDS:.0f} s")
            _keep(target, kind, number, keep)
            break
        verdict = json.loads(line)
        if "end" in verdict:
            figures.peak = max(figures.peak, verdict["peak"])
            figures.gained = max(figures.gained, verdict["gained"])
            figures.handles = max(figures.handles, verdict["handles"])
            if verdict["handles"] or verdict["gained"] > RESIDENT:
                figures.faults.append(f"{kind} {first}..{last}: left {verdict}")
            continue
        number += 1
        figures.attempts += 1
        if verdict["seconds"] > figures.slowest:
            figures.slowest, figures.slowest_number = verdict["seconds"], number - 1
        if verdict["fault"]:
            figures.faults.append(f"{kind} {number - 1}: {verdict['fault']}")
        elif verdict["refused"]:
            figures.refused[verdict["refused"]] += 1
        else:
            figures.read += 1
    os.close(end)
    _, status = os.waitpid(child, 0)
    if number < last:  # it died, or was killed
        figures.attempts += 1
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            _keep(target, kind, number, keep)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
            figures.faults.append(f"{kind} {number}: died of signal {os.WTERMSIG(status)}")
        elif not os.WIFSIGNALED(status):
            figures.faults.append(f"{kind} {number}: left with {os.WEXITSTATUS(status)}")
        number += 1
    return number


def _keep(target, kind, number, keep) -> None:
    """Copy the file of an attempt, before the next one takes its place; a worker that hangs cannot."""
    written = target.written() if kind != "array" and keep is not None else None
    if written is not None and written.exists():
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{number}-{written.name}").write_bytes(written.read_bytes())


def _lines(end: int) -> Iterator[str | None]:
    """What a child says, line by line; None where it is silent for too long."""
    waiting = b""
    while True:
        ready, _, _ = select.select([end], [], [], SECONDS)
        if not ready:
            yield None
            return
        data = os.read(end, 65536)
        if not data:
            return
        *lines, waiting = (waiting + data).split(b"\n")
        yield from (line.decode() for line in lines)


def _child(target, kind, first, last, seed, start, keep) -> None:
    printed = tempfile.TemporaryFile()  # noqa: SIM115
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    sys.stdout = sys.stderr = open(1, "w", closefd=False)  # noqa: SIM115
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.getLogger("napari_saunetv2").addHandler(logging.NullHandler())  # remarks are no faults
    target.warm()
    before = None
    for number in range(first, last):
        said = os.fstat(1).st_size
        verdict = _attempt(target, kind, random.Random(f"{seed} {kind} {number}"))
        sys.stdout.flush()
        if not verdict["fault"] and os.fstat(1).st_size > said:
            verdict["fault"] = "printed " + repr(os.pread(1, 300, said))
        if verdict["fault"]:
            _keep(target, kind, number, keep)
        os.write(start, json.dumps(verdict).encode() + b"\n")
        if before is None or number == first + 20:  # the first ones warm up
            gc.collect()
            before = _in_use(), _handles()
    gc.collect()
    after = _in_use(), _handles()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    end = {"end": 1, "peak": peak, "gained": after[0] - before[0], "handles": after[1] - before[1]}
    os.write(start, json.dumps(end).encode() + b"\n")


def _attempt(target, kind, draw) -> dict:
    begun = time.monotonic()
    fault, refused = "", ""
    try:
        getattr(target, kind)(draw)
    except SaunetError as error:
        refused, text = type(error).__name__, str(error)
        if len(text) > 1000 or "\n" in text or not text.endswith("."):
            fault = f"a message that is no sentence: {text[:300]!r}"
    except BaseException as error:  # noqa: BLE001
        where = traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"
    return {"fault": fault, "refused": refused, "seconds": time.monotonic() - begun}


def _in_use() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
