"""The views of the next step, made while the network learns from those of this one."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from napari_saunetv2.training import processes
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.store import Held
from napari_saunetv2.training.views import Batch, Prepared, batch


class Ahead:
    """Makes the views of a training's steps, ahead of time where their canvases must be read from a file.

    Where all canvases are in memory there is nothing to wait for, and a second thread would only take the
    processor from the network.

    Parameters
    ----------
    images : sequence of Prepared
    config : TrainConfig
    """

    def __init__(self, images: Sequence[Prepared], config: TrainConfig) -> None:
        self._images, self._config = images, config
        reads = any(isinstance(level.held, Held) for image in images for level in image.levels)
        self._thread = ThreadPoolExecutor(1, "next views") if reads else None
        self._next: tuple[int, Future[Batch]] | None = None

    def views(self, step: int) -> Batch:
        """Views of a step, this process's share of them; they depend on seed and step alone."""
        made, self._next = self._next, None
        now = made[1].result() if made is not None and made[0] == step else self._make(step)
        if self._thread is not None and step + 1 < self._config.steps:
            self._next = step + 1, self._thread.submit(self._make, step + 1)
        return now

    def close(self) -> None:
        """Wait for the thread, if any, and end it."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _make(self, step: int) -> Batch:
        return batch(self._images, self._config, step, processes.share(self._config.batch))
