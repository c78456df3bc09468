"""Acts on the page do what their form showed, or say why not, and then change nothing."""

import json
import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import text

from service.storage.engine import FOR_CALLERS, make_engine
from tests.integration.ops_page.conftest import TOKEN, House, page_of

pytestmark = pytest.mark.postgres

PAYEE = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}
WHY = {"reason": "the runner fell ill, ticket 81"}


def form_of(operator: FlaskClient, path: str) -> dict[str, str]:
    """What a browser would send of the form's hidden fields."""
    page = operator.get(path).text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.partition('class="act"')[2]))


def acts(house: House, payment: UUID) -> int:
    return len(house.core.sql("SELECT id FROM operator_actions WHERE payment_id = :p", p=payment))


@pytest.fixture
def held(house: House, request: pytest.FixtureRequest) -> UUID:
    name = re.sub(r"\W", "-", request.node.name)
    return house.core.authorize(f"saga-{name}", f"order-{name}")


@pytest.mark.parametrize("act", ["release", "revert"])
def test_form_that_showed_another_status_queues_nothing(
    house: House, operator: FlaskClient, held: UUID, act: str
) -> None:
    old = form_of(operator, f"/ops/payments/{held}/{act}")
    house.core.release(held, f"{held}-released")
    answer = operator.post(f"/ops/payments/{held}/{act}", data={**old, **PAYEE, **WHY})
    assert (answer.status_code, acts(house, held)) == (409, 0)
    assert f"payment {held} is SUCCEEDED now." in answer.text
    assert form_of(operator, f"/ops/payments/{held}/{act}")["shown"] == "SUCCEEDED"


@pytest.mark.parametrize("change", [lambda form: form.pop("shown"), lambda form: form.update(runner_id=" ")])
def test_form_that_is_not_whole_queues_nothing(
    house: House, operator: FlaskClient, held: UUID, change: Callable[[dict[str, str]], None]
) -> None:
    sent = {**form_of(operator, f"/ops/payments/{held}/release"), **PAYEE, **WHY}
    assert operator.post(f"/ops/payments/{held}/release", data=sent).status_code == 303
    change(sent)
    assert operator.post(f"/ops/payments/{held}/release", data=sent).status_code == 400
    assert acts(house, held) == 1


def test_an_act_on_a_locked_payment_names_the_transaction_that_holds_it(house: House, held: UUID) -> None:
    url = house.core.settings.database_url.get_secret_value()
    impatient = make_engine(url, 1, FOR_CALLERS._replace(row_ms=50))
    client = page_of(impatient, house.desk).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    sent = {**form_of(client, f"/ops/payments/{held}/revert"), **WHY}
    with house.core.database.begin() as stranger:
        stranger.execute(text("SELECT FROM payments WHERE payment_id = :id FOR UPDATE"), {"id": held})
        pid = stranger.execute(text("SELECT pg_backend_pid()")).scalar_one()
        answer = client.post(f"/ops/payments/{held}/revert", data=sent)
    impatient.dispose()
    assert (answer.status_code, acts(house, held)) == (409, 0)
    assert f"payment {held} is locked by process {pid} (" in answer.text


def test_letter_with_a_command_on_a_payment_unknown_yet_stays_open(house: House, operator: FlaskClient) -> None:
    """Its authorize may be a dead letter, too: a consumer would answer this one with PAYMENT_NOT_FOUND, for good."""
    path, payment = f"/ops/dead-letters/{house.scene.letters[0]}/resend", uuid4()
    mended = json.dumps({"type": "revert_payment", "correlation_id": "early", "payment_id": str(payment)})
    answer = operator.post(path, data={**form_of(operator, path), "value": mended, **WHY})
    assert answer.status_code == 409
    assert f"payment {payment} does not exist yet" in answer.text
    assert operator.get(path).status_code == 200, "it can be mended still"


@pytest.mark.parametrize(
    ("mended", "why"),
    [
        ('{"type": "release_payment", "correlation_id": "c-letter", "payload": {"runner_id": "r"}}', "INVALID_PAYLOAD"),
        ('{"type": "release_payment"', "NOT_JSON"),
    ],
)
def test_record_that_is_still_no_command_is_not_resent(
    house: House, operator: FlaskClient, mended: str, why: str
) -> None:
    letter = house.scene.letters[0]
    path = f"/ops/dead-letters/{letter}/resend"
    form = form_of(operator, path)
    answer = operator.post(path, data={**form, **WHY, "value": mended})
    assert (answer.status_code, f"It is still wrong: {why}: " in answer.text) == (409, True)
    assert str(escape(mended)) in answer.text
    assert house.core.sql("SELECT state FROM dead_letters WHERE id = :id", id=letter) == [{"state": "open"}]
