"""``doctor`` finds webhook endpoints that do not send all events, or send them in another API version."""

from typing import Any

import pytest

from commandline.check_endpoints import compare
from commandline.checks import Finding
from service.domain.event_types import SUBSCRIBED
from service.gateway.client import API_VERSION


def endpoint(**changes: Any) -> dict[str, Any]:
    usual = {
        "id": "we_1",
        "url": "https://pay.example/stripe-webhook",
        "enabled_events": list(SUBSCRIBED),
        "api_version": API_VERSION,
        "status": "enabled",
    }
    return {**usual, **changes}


def found(*endpoints: dict[str, Any]) -> list[Finding]:
    return list(compare(endpoints))


@pytest.mark.parametrize("events", [list(SUBSCRIBED), ["*"], [*SUBSCRIBED, "payout.paid"]])
def test_endpoint_that_sends_all_subscribed_types_is_accepted(events: list[str]) -> None:
    [finding] = found(endpoint(enabled_events=events))
    assert (finding.ok, finding.mend) == (True, None)
    assert "we_1 (pay.example/stripe-webhook)" in finding.detail


def test_missing_event_types_are_named_with_the_remedy() -> None:
    [finding] = found(endpoint(enabled_events=list(SUBSCRIBED[2:])))
    assert not finding.ok
    assert f"does not send {SUBSCRIBED[0]}, {SUBSCRIBED[1]}" in finding.detail
    assert SUBSCRIBED[2] not in finding.detail
    assert "cli.py stripe-events" in (finding.mend or "")


def test_published_campusg_endpoint_lacks_the_event_of_a_passed_3d_secure() -> None:
    """`docs/campusg.md`, "Webhooks": without this event only a look finds the customer's success."""
    published = [f"payment_intent.{name}" for name in ("succeeded", "canceled", "payment_failed")]
    [finding] = found(endpoint(enabled_events=published))
    assert not finding.ok
    assert "does not send payment_intent.amount_capturable_updated" in finding.detail
    assert not any(name in finding.detail for name in published)


def test_other_api_version_is_named_with_the_remedy() -> None:
    [finding] = found(endpoint(api_version="2020-08-27"))
    assert not finding.ok
    assert "2020-08-27" in finding.detail
    assert API_VERSION in (finding.mend or "")


def test_default_api_version_of_the_account_is_a_warning() -> None:
    [finding] = found(endpoint(api_version=None))
    assert (finding.ok, finding.warning) == (True, True)
    assert API_VERSION in (finding.mend or "")


def test_two_faults_of_one_endpoint_are_both_reported() -> None:
    missing, version = found(endpoint(enabled_events=["refund.created"], api_version="2020-08-27"))
    assert "does not send" in missing.detail
    assert "2020-08-27" in version.detail


def test_event_types_may_be_split_between_endpoints_of_one_address() -> None:
    """Stripe has one endpoint for the account's own events and one for the events of connected accounts."""
    half = len(SUBSCRIBED) // 2
    ours = endpoint(enabled_events=list(SUBSCRIBED[:half]))
    connected = endpoint(id="we_2", enabled_events=list(SUBSCRIBED[half:]))
    assert [each.mend for each in found(ours, connected)] == [None]


def test_endpoints_of_other_programs_are_ignored() -> None:
    shop = endpoint(id="we_shop", url="https://shop.example/hooks", enabled_events=["payout.paid"], api_version=None)
    [finding] = found(shop, endpoint())
    assert (finding.mend, "we_shop" in finding.detail) == (None, False)


def test_one_right_endpoint_is_enough_if_a_proxy_changes_the_path() -> None:
    shop = endpoint(id="we_shop", url="https://shop.example/hooks", enabled_events=["payout.paid"])
    proxied = endpoint(url="https://pay.example/behind/a/proxy")
    assert [each.mend for each in found(shop, proxied)] == [None]
    assert [each.ok for each in found(shop)] == [False]


@pytest.mark.parametrize("endpoints", [(), (endpoint(status="disabled"),)])
def test_no_enabled_endpoint_is_a_warning(endpoints: tuple[dict[str, Any], ...]) -> None:
    [finding] = found(*endpoints)
    assert (finding.ok, finding.warning) == (True, True)
    assert "/stripe-webhook" in (finding.mend or "")


def test_secret_parts_of_an_address_are_not_shown() -> None:
    [finding] = found(endpoint(url="https://user:hidden@pay.example/stripe-webhook?token=hidden#hidden"))
    assert "hidden" not in f"{finding.detail} {finding.mend}"


@pytest.mark.parametrize("broken", [{}, {"url": 7, "status": "enabled"}, {"url": "https://[", "status": "enabled"}])
def test_unexpected_form_of_an_endpoint_is_reported_as_a_finding(broken: dict[str, Any]) -> None:
    assert all(isinstance(each, Finding) for each in found(broken))
