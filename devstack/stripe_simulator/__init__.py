"""A strict, stateful simulator of Stripe's API for one platform account, over plain HTTP."""
