"""Process files in this process, in several, or on a Dask cluster."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from napari_saunetv2.errors import SettingsError

T = TypeVar("T")
Job = TypeVar("Job")

RETRIES = 3
"""How often an image is retried after its worker was lost."""

_AHEAD = 4  # images queued per thread of the cluster: enough to keep it busy, few enough for a million


def spread(
    todo: list[tuple[Path, Job]],
    task: tuple[Any, ...],
    work: Callable[..., T],
    lost: Callable[[Path, BaseException], T],
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> Iterator[T]:
    """Yield ``work(file, job, *task)`` of every file as it finishes, or ``lost(file, error)``.

    Parameters
    ----------
    todo : list of (Path, object)
        Each file with what is to be done with it, such as the name of its results.
    task : tuple
        What is the same for all.
    work : callable
    lost : callable
        For a file whose worker died again and again.
    workers : int
        Processes on this machine; one is this process.
    scheduler : str, optional
        Address of a Dask scheduler to use instead.

    Raises
    ------
    SettingsError
        If dask.distributed is missing or no scheduler responds at the address.
    """
    if workers == 1 and scheduler is None:
        yield from (work(file, job, *task) for file, job in todo)
    elif todo:
        yield from _on_cluster(todo, task, workers, scheduler, work, lost)


def check_workers(workers: int) -> None:
    """Raise SettingsError for less than one."""
    if workers < 1:
        raise SettingsError(f"workers is {workers}: it must be 1 or more.")


def _on_cluster(
    todo: list[tuple[Path, Job]],
    task: tuple[Any, ...],
    workers: int,
    scheduler: str | None,
    work: Callable[..., T],
    lost: Callable[[Path, BaseException], T],
) -> Iterator[T]:
    try:
        from distributed import as_completed
    except ImportError as error:
        raise SettingsError(
            "Several workers need dask.distributed: pip install 'napari-saunetv2[cluster]'."
        ) from error
    with _client(workers, scheduler) as client:
        waiting = iter(todo)
        threads = max(1, sum(client.nthreads().values()))
        running: dict[str, Path] = {}

        def submit(count: int) -> list[Any]:
            futures = []
            for file, job in islice(waiting, count):
                future = client.submit(work, file, job, *task, pure=False, retries=RETRIES)
                running[future.key] = file
                futures.append(future)
            return futures

        completed = as_completed(submit(_AHEAD * threads))
        for future in completed:
            file = running.pop(future.key)
            failure = future.exception()  # a worker that was lost repeatedly
            yield future.result() if failure is None else lost(file, failure)
            for more in submit(1):
                completed.add(more)


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="20s")
        except (OSError, ValueError) as error:
            raise SettingsError(f"No Dask scheduler responds at '{scheduler}': check its address.") from error
        with client:
            yield client
        return
    share = str(max(1, (os.cpu_count() or 1) // workers))
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), share)
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": ":0"},  # a second run finds 8787 taken
            env=limits,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
