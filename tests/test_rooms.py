"""The plan of the house (docs/extend.md), held against the code: imports point down."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import napari_saunetv2
from napari_saunetv2 import files, inference

SOURCE = Path(napari_saunetv2.__file__).parent
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "_version.py")
WIDGETS = [f"plugin.{path.parent.name}" for path in sorted((SOURCE / "plugin").glob("*/widget.py"))]
"""Rooms of a widget each."""

ORDER = [
    ["cli"],
    ["plugin"],
    WIDGETS,
    ["plugin.session"],
    ["plugin.common"],
    ["demo"],
    ["reproduce"],
    ["training"],
    ["study"],
    ["batch"],
    ["evaluation"],
    ["visits"],
    ["inference"],
    ["exchange"],
    ["engines"],
    ["models"],
    ["measure"],
    ["cohort"],
    ["datasets"],
    ["metrics"],
    ["files"],
    ["imaging"],
    ["networks"],
    ["config", "progress"],
    ["errors"],
]
"""Rooms from the top floor down; those of one floor do not know each other."""

FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}
FLAT = {"__init__.py", "reader.py", "writer.py", "samples.py", "commands.py"}


def imported(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and dotted name of all that a file imports, be it in a function or for types only."""
    package = path.relative_to(SOURCE.parent).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            inner = node.module.split(".") if node.module else []
            yield from ((node.lineno, [*above, *inner, alias.name]) for alias in node.names)


def room_of(names: list[str]) -> str:
    """Room of what a dotted name below the package means; "" for the package's own constants."""
    known = (".".join(names[:n]) for n in (2, 1) if ".".join(names[:n]) in FLOOR)
    return next(known, "")


def test_a_file_imports_only_from_rooms_below_its_own():
    wrong = []
    for path in MODULES:
        if path == SOURCE / "__init__.py":  # the face: it may look anywhere
            continue
        here = room_of(list(path.relative_to(SOURCE).with_suffix("").parts))
        assert here, f"{path} lies in no room: give ORDER and docs/extend.md its room"
        for line, (package, *names) in imported(path):
            if package != "napari_saunetv2":
                continue
            there = room_of(names)
            constant = not there and {*names[:1]} <= vars(napari_saunetv2).keys()
            if not constant and there != here and FLOOR.get(there, -1) <= FLOOR[here]:
                wrong.append(f"{path.relative_to(SOURCE)}:{line} imports {'.'.join(names)}")
    assert not wrong, "\n".join(wrong)


KEYWORDS = {
    "engines/_onnx.py:node": "attributes of an ONNX node",
    "engines/devices.py:guarded": "a decorator",
    "plugin/browse/cases.py:add": "looks of a napari layer",
    "plugin/common/models.py:__init__": "options of a magicgui widget",
    "plugin/samples.py:about": "looks of a napari layer",
    "training/state.py:locked": "a decorator",
}
"""Functions that may take whatever keywords they are given, and what those are."""


def test_settings_are_carried_whole():
    """A keyword that is passed on unseen is checked nowhere, or in another place for each function."""
    takes = {
        f"{path.relative_to(SOURCE).as_posix()}:{node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.args.kwarg
    }
    assert takes == KEYWORDS.keys()


def test_no_file_is_longer_than_300_lines():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not [f"{path.relative_to(SOURCE)}: {n} lines" for path, n in lines.items() if n > 300]


def test_the_plugin_has_no_flat_file_but_what_napari_calls():
    assert {path.name for path in (SOURCE / "plugin").glob("*.py")} == FLAT


def test_the_plan_names_every_room():
    plan = (SOURCE.parents[1] / "docs" / "extend.md").read_text(encoding="utf-8")
    assert "Any other room of `plugin/` is that of a further widget." in plan
    for room in FLOOR.keys() - {*WIDGETS}:
        name = room.replace(".", "/")
        assert f"| `{name}/` |" in plan or f"| `{name}.py` |" in plan, room
        assert (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file(), room


def test_the_face_gives_the_functions_and_loads_torch_only_for_those_that_need_it():
    assert napari_saunetv2.segment is inference.segment
    assert napari_saunetv2.read_image is files.read_image
    assert set(napari_saunetv2.__all__) <= set(dir(napari_saunetv2))
    assert all(hasattr(napari_saunetv2, name) for name in napari_saunetv2.__all__)
    assert not hasattr(napari_saunetv2, "of_no_such_name")
    program = (
        "import sys, napari_saunetv2; napari_saunetv2.read_image; dir(napari_saunetv2);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
