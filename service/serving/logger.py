"""gunicorn's logger, with the service's handlers and formats."""

import logging
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """Sends gunicorn's lines to the root logger."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and formats to the root logger."""
        super().setup(cfg)
        logging.getLogger("gunicorn.error").propagate = True
