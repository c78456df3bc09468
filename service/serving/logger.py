"""gunicorn's logger, made to speak as the rest of the service does."""

import logging
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's lines go where all lines go."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and formats to the root logger."""
        super().setup(cfg)
        logging.getLogger("gunicorn.error").propagate = True
