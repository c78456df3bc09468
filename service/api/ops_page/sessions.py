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

_SALT = b"session of the operators' page"


class Session(NamedTuple):
    """An operator who has logged in. ``proof``: the text that each form of the session must send back."""

    operator: str
    proof: str


class Sessions:
    """Opens and reads the sessions of ``operators``, given as names and tokens."""

    def __init__(self, operators: list[tuple[str, str]]) -> None:
        self.tokens = Tokens(operators)
        keys = [(name, hmac.digest(token.encode(), _SALT, hashlib.sha256)) for name, token in operators]
        self._signers = {key.hex()[:16]: (name, URLSafeTimedSerializer(key[8:])) for name, key in keys}
        self._ids = {token: key.hex()[:16] for (_, token), (_, key) in zip(operators, keys, strict=True)}

    def open(self, token: str) -> str | None:
        """A new session's cookie; None when the token lacks the scope."""
        if self.tokens.holder(token.encode()) is None:
            return None
        id_ = self._ids[token]
        return f"{id_}.{self._signers[id_][1].dumps(secrets.token_urlsafe(24))}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when nobody here signed it, or it is over."""
        id_, _, signed = cookie.partition(".")
        if id_ not in self._signers:
            return None
        name, signer = self._signers[id_]
        try:
            proof = signer.loads(signed, max_age=LIFETIME_SECONDS)
        except BadData:
            return None
        return Session(name, proof) if isinstance(proof, str) else None
