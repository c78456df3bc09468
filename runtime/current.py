"""The settings in force. SIGHUP makes a process read its secrets again, without a failed request.

The environment of a process never changes while it runs, so only what ``NAME_FILE`` names can be new. A fault in it
keeps the settings as they were. A setting that is no secret, and a secret that would lead elsewhere, need a restart.
"""

import signal
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Generic, TypeVar

from runtime.database_hosts import refused_login
from runtime.logs import get_logger
from runtime.settings import ProcessSettings, S, load
from runtime.settings_source import SettingError

S_co = TypeVar("S_co", bound=ProcessSettings, covariant=True)
_log = get_logger(__name__)


class Current(Generic[S_co]):
    """Call it for the settings in force; any thread may."""

    def __init__(self, settings: S_co, read: Callable[[], S_co] | None = None) -> None:
        """``read`` reads the settings anew, and raises SettingError; by default from the environment."""
        self._settings = settings
        self._read = read or (lambda: load(type(settings)))
        self._users: list[Callable[[S_co], None]] = []
        self._lock = threading.Lock()

    def __call__(self) -> S_co:
        return self._settings

    def database_url(self) -> str:
        """DATABASE_URL as it is now."""
        return self._settings.database_url.get_secret_value()

    def subscribe(self, use: Callable[[S_co], None]) -> None:
        """Have ``use`` called with the settings: at once, and whenever a secret is new."""
        with self._lock:
            self._users.append(use)
            use(self._settings)

    def renew(self) -> bool:
        """Read the settings again and use each new secret. False, and nothing changes, when one can't be used."""
        with self._lock:
            try:
                found = self._read()
            except SettingError as fault:
                _log.error("settings_kept", why=str(fault))
                return False
            changed = {
                name for name in type(found).model_fields if getattr(found, name) != getattr(self._settings, name)
            }
            kept = _kept(changed, _unfit(self._settings, found), secrets_of(type(found)))
            renewed = sorted(changed - kept)
            if renewed:
                self._settings = self._settings.model_copy(update={name: getattr(found, name) for name in renewed})
                for use in self._users:
                    use(self._settings)
            _log.info("secrets_read_again", renewed=[name.upper() for name in renewed])
            return True

    def renew_on_hup(self) -> None:
        """Renew at each SIGHUP, in a thread of its own. Only the main thread may call this."""
        asked: SimpleQueue[int] = SimpleQueue()  # whose put() may interrupt itself
        signal.signal(signal.SIGHUP, lambda number, _frame: asked.put(number))
        threading.Thread(target=lambda: self._serve(asked), name="renewal", daemon=True).start()

    def _serve(self, asked: "SimpleQueue[int]") -> None:
        while True:
            asked.get()
            self.renew()


def _unfit(ours: S, theirs: S) -> dict[str, str]:
    """Why secrets can't be used, by field. Sessions are given up for those of a new user, so that must get in."""
    unfit, (old, new) = ours.unfit(theirs), (each.database_url.get_secret_value() for each in (ours, theirs))
    refused = None if old == new or "database_url" in unfit else refused_login(old, new)
    return unfit if refused is None else {**unfit, "database_url": f"the database refuses it: {refused}"}


def _kept(changed: set[str], unfit: Mapping[str, str], secrets: set[str]) -> set[str]:
    kept = (changed - secrets) | (changed & unfit.keys())
    for name in sorted(kept):
        _log.warning("setting_kept", name=name.upper(), why=unfit.get(name, "only a restart exchanges this setting"))
    return kept


def secrets_of(kind: type[ProcessSettings]) -> set[str]:
    """The fields that SIGHUP renews."""
    return {
        name
        for name, field in kind.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("on_hup") is True
    }
