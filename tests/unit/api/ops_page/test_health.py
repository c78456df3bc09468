"""The page sends operators to entries that the runbook has."""

import re
from pathlib import Path

from service.api import ops_page
from service.api.ops_page.health import STEPS

RUNBOOK = Path(__file__).parents[4] / "docs" / "operations" / "runbook.md"
TEMPLATES = Path(ops_page.__file__).parent / "templates"


def test_each_entry_that_the_page_names_is_in_the_runbook() -> None:
    titles = set(re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    named = {step.entry for step in STEPS}
    for template in TEMPLATES.glob("*.html"):
        named |= {found[1] for found in re.findall(r"""entry\((["'])(.+?)\1\)""", template.read_text(encoding="utf-8"))}
    assert named - titles == set()
    assert len(named) > len(STEPS)
