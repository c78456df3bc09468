"""The operators' page in a real browser: each act, by keyboard alone, without scripts, on a phone, in the dark."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.integration.ops_page.conftest import OPERATOR, TOKEN, House, Open
from tests.integration.ops_page.scene import FAILED, UNANSWERED, views_of

pytestmark = pytest.mark.postgres

PHONE = {"width": 360, "height": 740}
_TABS = 80

MENDED = '{{"type": "revert_payment", "correlation_id": "mended", "payload": {{"payment_id": "{}"}}}}'


def _acts(house: House) -> list[tuple[str, str]]:
    found = house.core.sql("SELECT action, reason, operator, channel FROM operator_actions ORDER BY id")
    assert {(row["operator"], row["channel"]) for row in found} <= {(OPERATOR, "page")}
    return [(row["action"], row["reason"]) for row in found]


def _act(page: Page, link: str, button: str, reason: str, **fields: str) -> None:
    page.get_by_role("link", name=link, exact=True).click()
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator(".done")).to_be_visible()


def test_every_act_is_done_in_a_browser(house: House, opened: Open) -> None:
    scene = house.scene
    before = _acts(house)
    page = opened(f"/ops/payments/{scene.held}")
    _act(page, "Release", "Release", "delivered", **{"Runner": "runner-1", "Connected account": "acct_runner"})
    page.goto(f"/ops/payments/{scene.released}")
    _act(page, "Revert", "Revert", "never came")
    _act(page, "Replay events", "Replay", "the reader lost them")
    page.goto(f"/ops/command?id={UNANSWERED}&type=authorize_payment")
    _act(page, "Retry now", "Retry", "Stripe is back")
    page.goto(f"/ops/command?id={FAILED}&type=release_payment")
    _act(page, "Reopen", "Reopen", "the account is there now")
    page.goto(f"/ops/dead-letters/{scene.letters[0]}")
    _act(page, "Resend", "Resend", "mended", **{"Value": MENDED.format(scene.held)})
    page.goto(f"/ops/dead-letters/{scene.letters[1]}")
    _act(page, "Discard", "Discard", "a test of theirs")
    assert _acts(house)[len(before) :] == [
        ("payment.release", "delivered"),
        ("payment.revert", "never came"),
        ("outbox.replay", "the reader lost them"),
        ("command.retry", "Stripe is back"),
        ("command.reopen", "the account is there now"),
        ("dead_letter.resend", "mended"),
        ("dead_letter.discard", "a test of theirs"),
    ]
    page.goto("/ops/actions")
    expect(page.get_by_role("row").nth(1)).to_contain_text("a test of theirs")


def _tab_to(page: Page, name: str) -> None:
    """Presses Tab until the focus is on what has this name."""
    for _ in range(_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "[document.activeElement.innerText, document.activeElement.labels?.[0]?.innerText].filter(Boolean)"
        )
        if any(str(each).strip().startswith(name) for each in focused):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    pytest.fail(f"no Tab leads to {name}")


def test_the_keyboard_is_enough(house: House, opened: Open) -> None:
    payment = house.core.authorize("saga-keys", "order-keys")
    page = opened("/ops", logged_in=False)
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    _tab_to(page, "Skip to content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.goto("/ops")
    _tab_to(page, "Id of a payment")
    page.keyboard.type("order-keys")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{payment}")
    _tab_to(page, "Revert")
    page.keyboard.press("Enter")
    page.wait_for_url("**/revert")
    _tab_to(page, "Reason")
    page.keyboard.type("by keys")
    _tab_to(page, "Revert")
    page.keyboard.press("Enter")
    expect(page.locator(".done")).to_be_visible()
    assert ("payment.revert", "by keys") in _acts(house)


def test_no_script_is_needed(house: House, opened: Open) -> None:
    payment = house.core.authorize("saga-plain", "order-plain")
    page = opened("/ops", logged_in=False, java_script_enabled=False)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("searchbox").fill("saga-plain")
    page.get_by_role("button", name="Search").click()
    _act(page, "Revert", "Revert", "without a script")
    assert page.url.startswith(f"{page.url.partition('/ops')[0]}/ops/payments/{payment}")
    assert ("payment.revert", "without a script") in _acts(house)
    page.get_by_role("link", name="Look up in Kafka").click()
    expect(page.locator("table.entries")).to_contain_text("not published yet")
    page.get_by_role("button", name="Log out").click()
    page.goto("/ops")
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_phone_needs_no_sideways_scrolling_and_breaks_no_time(house: House, opened: Open) -> None:
    page = opened("/ops", viewport=PHONE)
    for path in views_of(house.scene):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
    page.goto(f"/ops/payments/{house.scene.released}")
    assert set(page.locator(".entries time").evaluate_all("all => all.map(x => x.getClientRects().length)")) == {1}


def test_axe_finds_nothing(house: House, opened: Open) -> None:
    axe = Axe()
    page = opened("/ops", logged_in=False)
    for path in ("/ops", *views_of(house.scene)):
        page.goto(path)
        found = axe.run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        page.context.request.post("/ops/login", form={"token": TOKEN})


def test_colors_have_contrast_in_the_dark_too(house: House, opened: Open) -> None:
    axe = Axe()
    page = opened("/ops", color_scheme="dark", viewport=PHONE)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper)[:3])) < 64
    for path in ("/ops", f"/ops/payments/{house.scene.released}", f"/ops/payments/{house.scene.held}/release"):
        page.goto(path)
        found = axe.run(page, options={"runOnly": ["color-contrast"]})
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_a_view_refreshes_itself_and_can_be_stopped(house: House, opened: Open) -> None:
    payment = house.core.authorize("saga-fresh", "order-fresh")
    page = opened("about:blank")
    page.clock.install()
    page.goto(f"/ops/payments/{payment}")
    expect(page.locator("main .status").first).to_have_text("AUTHORIZED")
    link = page.get_by_role("link", name="Replay events")
    link.focus()
    house.core.revert(payment, "saga-fresh-back")
    with page.expect_response(f"**/{payment}"):
        page.clock.fast_forward(10_000)
    expect(page.locator("main .status").first).to_have_text("REVERTED")
    expect(link).to_be_focused()
    page.get_by_role("button", name="Pause refreshing").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(60_000)
    assert asked == []


def test_a_caller_reads_the_description_after_logging_in(opened: Open) -> None:
    """The token has no scope, and opens neither the operators' page nor the API."""
    page = opened("/docs", logged_in=False)
    expect(page.get_by_label("Token")).to_be_focused()
    assert Axe().run(page).violations_count == 0
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is no token")).to_be_visible()
    page.keyboard.type("s3cret")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="GET /docs")).to_be_visible()
    page.get_by_role("link", name="openapi.json", exact=True).click()
    expect(page.locator("body")).to_contain_text('"openapi":"3.1')
    page.goto("/ops")
    expect(page.get_by_label("Token with the scope operate")).to_be_visible()
    assert page.request.get("/history/u").status == 401
