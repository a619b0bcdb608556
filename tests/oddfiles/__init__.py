"""Files as people have them, each made from a synthetic photograph or its vessels."""

from collections.abc import Callable
from pathlib import Path

Maker = Callable[[Path], Path]
"""Makes one file in a folder and gives its path."""
