"""List the licences of everything that is installed with the package, and refuse those that do not fit.

Writes ``docs/licences.md``; run it by ``make licences``.
"""

import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

TARGET = Path(__file__).parents[1] / "docs" / "licences.md"
FITS = re.compile(
    r"MIT|BSD|Apache|Python|PSF|ISC|HPND|CMU|MPL|Mozilla|LGPL|Lesser|Unlicense|Public Domain|zlib|CC0|OFL",
    re.IGNORECASE,
)
KNOWN = {"networkx": "BSD-3-Clause", "safetensors": "Apache-2.0"}
"""Of packages that do not say it in a field."""


def main() -> int:
    found: dict[str, Distribution] = {}
    waiting = ["napari-saunetv2[all]"]
    seen = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        for one in (f"{wanted.name.lower()}[{extra}]" for extra in wanted.extras or {""}):
            if one in seen:
                continue
            seen.add(one)
            try:
                about = distribution(wanted.name)
            except Exception:  # noqa: BLE001 (for another system, or not chosen)
                continue
            found[about.metadata["Name"]] = about
            extra = one[one.index("[") + 1 : -1]
            for text in about.requires or []:
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append(
                        f"{needed.name}[{','.join(needed.extras)}]" if needed.extras else needed.name
                    )
    found.pop("napari-saunetv2", None)
    rows = [(name, found[name].version, _licence(found[name])) for name in sorted(found, key=str.lower)]
    strange = [f"{name}: {licence}" for name, _, licence in rows if not FITS.search(licence)]
    text = [
        "# Licences of what is installed with napari-saunetv2[all]",
        "",
        "`make licences` makes this page. All licences are compatible with the licence of this package,",
        "BSD-3-Clause. They are permissive, or they bind only changes to the part itself (MPL, LGPL).",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(f"| {name} | {version} | {licence} |" for name, version, licence in rows),
        "",
    ]
    TARGET.write_text("\n".join(text), encoding="utf-8")
    print(f"{len(rows)} packages, {len(strange)} to be looked at", *strange, sep="\n")
    return min(1, len(strange))


def _licence(about: Distribution) -> str:
    classified = [
        c.rsplit(" :: ", 1)[-1] for c in about.metadata.get_all("Classifier", []) if "License ::" in c
    ]
    said = (
        about.metadata.get("License-Expression")
        or ", ".join(classified)
        or about.metadata.get("License")
        or ""
    )
    first = said.strip().splitlines()[0][:80] if said.strip() else ""
    return first or KNOWN.get(about.metadata["Name"].lower(), "not said")


if __name__ == "__main__":
    sys.exit(main())
