"""The payment service: HTTP face, use cases, storage, Stripe gateway and the pure domain."""
