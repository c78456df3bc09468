"""Writes every document that comes from the code."""

from pathlib import Path

from reference import amounts, configuration

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = {"docs/configuration.md": configuration.page, "docs/schemas/amounts.json": amounts.document}

if __name__ == "__main__":
    for name, made in DOCUMENTS.items():
        (ROOT / name).write_text(made(), encoding="utf-8")
        print(name)  # noqa: T201 - a command's answer
