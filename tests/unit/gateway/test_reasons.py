"""Free-text reasons are mapped to Stripe's enums."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.gateway.reasons import cancellation_reason, refund_reason


@pytest.mark.parametrize(
    ("text", "cancellation", "refund"),
    [
        ("", "requested_by_customer", "requested_by_customer"),
        ("customer changed her mind", "requested_by_customer", "requested_by_customer"),
        ("requested_by_customer", "requested_by_customer", "requested_by_customer"),
        ("duplicate", "duplicate", "duplicate"),
        ("Duplicated order #4", "duplicate", "duplicate"),
        ("abandoned", "abandoned", "requested_by_customer"),
        ("cart expired", "abandoned", "requested_by_customer"),
        ("saga timed out", "abandoned", "requested_by_customer"),
        ("payment_timeout", "abandoned", "requested_by_customer"),
        ("fraudulent", "fraudulent", "fraudulent"),
        ("FRAUD!", "fraudulent", "fraudulent"),
        ("suspected-fraud", "fraudulent", "fraudulent"),
        ("no fraud, wrong size", "requested_by_customer", "requested_by_customer"),
        ("fraudulent abandoned", "abandoned", "requested_by_customer"),
    ],
)
def test_reason_is_mapped_to_one_of_stripes_reasons(text: str, cancellation: str, refund: str) -> None:
    assert (cancellation_reason(text), refund_reason(text)) == (cancellation, refund)


@settings(derandomize=True, deadline=None)
@given(st.text())
def test_every_text_is_mapped_to_a_reason(text: str) -> None:
    assert cancellation_reason(text) in {"abandoned", "duplicate", "fraudulent", "requested_by_customer"}
    assert refund_reason(text) in {"duplicate", "fraudulent", "requested_by_customer"}
