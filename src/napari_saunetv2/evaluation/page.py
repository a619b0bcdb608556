"""Pages of HTML that need nothing but themselves: no script, no other file, no network."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        Its path below the package, such as "evaluation/report.html".
    values : mapping
        By the names that it uses; all text is escaped.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # imported only when a page is written

    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_text),
    )


def _text(template: str) -> str:
    return files("napari_saunetv2").joinpath(template).read_text(encoding="utf-8")


def plain(value: Any) -> str:
    """Write a setting as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {plain(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    return "-" if value is None or value == "" else str(value)
