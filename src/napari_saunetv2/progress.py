"""Long work is a generator that yields its progress and returns its result; these run one to its end."""

from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

State = TypeVar("State")
Shown = TypeVar("Shown")
Result = TypeVar("Result")


def drain(work: Generator[State, None, Result], show: Callable[[State], object] | None = None) -> Result:
    """Run work to its end and return its result; the work is closed whatever happens.

    Parameters
    ----------
    work : generator
    show : callable, optional
        Called with everything that the work yields; an exception that it raises stops the work.
    """
    states = relay(work, show or (lambda _: None))
    while True:
        try:
            next(states)
        except StopIteration as end:
            result: Result = end.value
            return result


def relay(
    work: Generator[State, None, Result], convert: Callable[[State], Shown]
) -> Generator[Shown, Any, Result]:
    """Yield what work yields, each converted, and return its result; the work is closed whatever happens."""
    try:
        while True:
            try:
                state = next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield convert(state)
    finally:
        work.close()


def gathered(items: Iterable[State], into: list[State]) -> Generator[int, None, int]:
    """Make items one by one, append them to a list, and yield its length.

    Whoever reads the list meanwhile takes what is new from where he stopped, so that a thousand items cost no
    thousand copies.
    """
    for item in items:
        into.append(item)
        yield len(into)
    return len(into)
