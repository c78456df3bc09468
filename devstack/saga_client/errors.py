"""What goes wrong between a saga and the service."""


class SagaError(Exception):
    """The service has not done what the contract promises."""


class NotHeardError(SagaError, TimeoutError):
    """Too few records came in time; the message lists those that did."""
