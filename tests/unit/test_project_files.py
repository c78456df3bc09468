"""The files in the project's top folder agree with the code: version, commands, tools and links."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from commandline.main import cli
from runtime.version import VERSION

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.name for path in ROOT.glob("*.md"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
FILE = re.compile(
    r"`((?:service|relay|consumer|runtime|commandline|proofs|tests|docs|migrations|devstack)/[\w./-]*|[\w-]+\.toml)`"
)


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION


def test_the_command_line_prints_the_version() -> None:
    result = CliRunner().invoke(cli, ["--version"], prog_name="cli.py")
    assert (result.exit_code, result.output) == (0, f"cli.py {VERSION}\n")


@pytest.mark.parametrize("page", PAGES)
def test_links_and_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert [name for name in [*LINK.findall(text), *FILE.findall(text)] if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_named_make_target_exists(page: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_pre_commit_runs_the_tools_of_make_lint() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    tools = re.findall(r"^\t\$\(BIN\)/(.+)$", recipe, re.MULTILINE)
    assert [repo["repo"] for repo in hooks] == ["local"]
    assert [hook["entry"] for hook in hooks[0]["hooks"]] == [f".venv/bin/{tool}" for tool in tools]
