"""The errors of a saga client."""


class SagaError(Exception):
    """The service has broken a promise of the contract."""


class NotHeardError(SagaError, TimeoutError):
    """Too few records came in time; the message lists those that did."""
