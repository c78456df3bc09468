"""The amounts that Stripe accepts ("Supported currencies": minor units, minimum and maximum charge amounts)."""

from __future__ import annotations

from devstack.stripe_simulator.errors import InvalidParameterError, RefusedError

_DIGITS = {"idr": 12}
_USUAL_DIGITS = 8

_CURRENCIES = frozenset(
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad "
    "cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl "
    "htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd "
    "mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd "
    "rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd "
    "vuv wst xaf xcd xof xpf yer zar zmw".split()
)
_ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# Three decimals: the last digit must be 0. ISK and UGX keep two decimals for old callers, always 00.
_STEP = dict.fromkeys(_THREE_DECIMAL, 10) | {"isk": 100, "ugx": 100}
_MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip


def check_currency(currency: str) -> str:
    """The lower-case currency code.

    Raises:
        InvalidParameterError: Stripe does not support it.
    """
    if currency.lower() in _CURRENCIES:
        return currency.lower()
    raise InvalidParameterError(
        f"Invalid currency: {currency}. Stripe currently supports these currencies: {', '.join(sorted(_CURRENCIES))}",
        param="currency",
    )


def check_positive(amount: int, param: str = "amount") -> None:
    """Raises InvalidParameterError for an amount below one minor unit."""
    if amount < 1:
        raise InvalidParameterError(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param
        )


def check_charge_amount(amount: int, currency: str) -> None:
    """Check that a card may be charged this amount, in minor units.

    Raises:
        RefusedError: `amount_too_small` or `amount_too_large`.
        InvalidParameterError: not positive, or not a multiple that the currency requires.
    """
    check_positive(amount)
    minimum = _MINIMUM.get(currency, 1)
    if amount < minimum:
        text = f"Amount must be at least {display(minimum, currency)}"
        raise RefusedError(text, code="amount_too_small", param="amount")
    largest = 10 ** _DIGITS.get(currency, _USUAL_DIGITS) - 1
    if amount > largest:
        text = f"Amount must be no more than {display(largest, currency)}"
        raise RefusedError(text, code="amount_too_large", param="amount")
    step = _STEP.get(currency, 1)
    if amount % step:
        raise InvalidParameterError(
            f"Amounts in {currency} must be divisible by {step}.", code="invalid_charge_amount", param="amount"
        )


def display(amount: int, currency: str) -> str:
    """An amount in minor units as text for people, `12.34 SGD`."""
    if currency in _ZERO_DECIMAL:
        return f"{amount} {currency.upper()}"
    decimals = 3 if currency in _THREE_DECIMAL else 2
    return f"{amount / 10**decimals:.{decimals}f} {currency.upper()}"
