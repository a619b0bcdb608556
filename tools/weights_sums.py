"""Write what the tests check bundled models by: their SHA-256, and their answer to a synthetic image.

Run it by ``make weights-sums`` after a bundled model was added or trained anew.
"""

import hashlib

import golden


def main() -> None:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in golden.FILES]
    (golden.FILES[0].parent / "SHA256SUMS").write_text("".join(lines))
    golden.renew()


if __name__ == "__main__":
    main()
