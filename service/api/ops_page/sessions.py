"""Sessions of operators: a cookie that is signed with a key made from the operator's token.

No session is stored. All server processes of one ``API_TOKENS`` accept the same cookies, and a token that leaves
``API_TOKENS`` takes its sessions with it.
"""

import hashlib
import hmac
import secrets
from typing import NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer

from service.api.auth import Tokens

COOKIE = "ops_session"
LIFETIME_SECONDS = 12 * 60 * 60
"""A shift. Nobody is asked for the token in the middle of an incident."""

_PURPOSE = b"session of the operators' page"


class Session(NamedTuple):
    """An operator who has logged in. ``proof``: the text that each form of the session must send back."""

    operator: str
    proof: str


class Sessions:
    """Opens and reads the sessions of operators, given as names and tokens.

    A cookie is good for its ``purpose`` alone.
    """

    def __init__(self, operators: list[tuple[str, str]] | None = None, purpose: bytes = _PURPOSE) -> None:
        self._purpose = purpose
        self.tokens = Tokens()
        self._signers: dict[str, tuple[str, URLSafeTimedSerializer]] = {}
        self.use(operators or [])

    def use(self, operators: list[tuple[str, str]]) -> None:
        """Accept these operators from now on; the sessions of all others are over."""
        keys = [(name, self._key(token)) for name, token in operators]
        self._signers = {_id(key): (name, URLSafeTimedSerializer(key[8:])) for name, key in keys}
        self.tokens.use(operators)

    def open(self, token: str) -> str | None:
        """A new session's cookie; None when the token lacks the scope."""
        id_ = _id(self._key(token))
        known = self._signers.get(id_)
        if known is None or self.tokens.holder(token.encode()) is None:
            return None
        return f"{id_}.{known[1].dumps(secrets.token_urlsafe(24))}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when nobody here signed it, or it is over."""
        id_, _, signed = cookie.partition(".")
        known = self._signers.get(id_)
        if known is None:
            return None
        name, signer = known
        try:
            proof = signer.loads(signed, max_age=LIFETIME_SECONDS)
        except BadData:
            return None
        return Session(name, proof) if isinstance(proof, str) else None

    def _key(self, token: str) -> bytes:
        return hmac.digest(token.encode(), self._purpose, hashlib.sha256)


def _id(key: bytes) -> str:
    return key.hex()[:16]
