"""The next release migrates first: whoever still runs stays ready, and finds nothing to migrate."""

from pathlib import Path

import pytest

from commandline.main import cli
from service.storage import migrate
from tests.integration.api.server import SERVE, ROOT
