"""``doctor``: compares the webhook endpoints of the Stripe account with the events that the service needs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from commandline.checks import Finding

CHECK = "webhook endpoint"
_OUR_PATH = "/stripe-webhook"
_EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An enabled endpoint. ``address`` is its URL without the parts that may be secret."""

    id: str
    address: str
    types: frozenset[str]
    version: str | None

    @property
    def name(self) -> str:
        return f"{self.id} ({self.address})"


def compare(listed: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Each endpoint that may be ours, as Stripe lists them: what it does not send, and in which form it sends.

    Those with our path are ours. Where a proxy hides it nobody can tell whose an endpoint is: then all are looked at,
    and one that sends everything is enough.
    """
    enabled = sorted(filter(None, map(_read, listed)), key=lambda each: each.address)
    ours = [each for each in enabled if each.address.endswith(_OUR_PATH)]
    # Events of the own account and of connected accounts need an endpoint each; at one address they add up.
    together = [list(group) for _, group in groupby(ours or enabled, key=lambda each: each.address)]
    whole = [] if ours else [group for group in together if not _missing(group)]
    if not together:
        yield _none()
    for group in whole or together:
        yield from _judge(group)


def _read(data: Mapping[str, Any]) -> Endpoint | None:
    if data.get("status") != "enabled":
        return None
    try:
        url = urlsplit(str(data.get("url")))
    except ValueError:
        return None
    address = url.netloc.rpartition("@")[2] + url.path.rstrip("/")
    types = frozenset(map(str, data.get("enabled_events") or ()))
    return Endpoint(str(data.get("id")), address, types, data.get("api_version"))


def _missing(group: list[Endpoint]) -> list[str]:
    from service.domain.event_types import SUBSCRIBED

    sent = frozenset[str]().union(*(each.types for each in group))
    return [] if _EVERYTHING in sent else [name for name in SUBSCRIBED if name not in sent]


def _judge(group: list[Endpoint]) -> Iterator[Finding]:
    names = " and ".join(each.name for each in group)
    faults = [finding for each in group if (finding := _version(each)) is not None]
    if missing := _missing(group):
        mend = "add them to the endpoint at Stripe; cli.py stripe-events prints all that it must send"
        yield Finding(CHECK, f"{names} does not send {', '.join(missing)}", mend)
    elif not faults:
        yield Finding(CHECK, f"{names} sends every event that is needed, in the right API version")
    yield from faults


def _version(endpoint: Endpoint) -> Finding | None:
    from service.gateway.client import API_VERSION

    if endpoint.version == API_VERSION:
        return None
    said = f"sends API version {endpoint.version}" if endpoint.version else "uses the account's default API version"
    mend = f"make an endpoint of API version {API_VERSION} for the same URL and disable this one: it can't be changed"
    detail = f"{endpoint.name} {said}, the service reads {API_VERSION}"
    return Finding(CHECK, detail, mend, warning=endpoint.version is None)


def _none() -> Finding:
    mend = f"make one at Stripe for https://…{_OUR_PATH}, with the events that cli.py stripe-events prints"
    return Finding(CHECK, "none is enabled in this account: Stripe sends the service no events", mend, warning=True)
