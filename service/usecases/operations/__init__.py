"""The operators' use cases: audit, reconcile, recovery after a restore, replay, retention, timeline, acts with reason.

``commandline``, the operators' page and the tests call them; no command and no webhook runs through this package.

``desk`` has the reads of the page, ``page_acts`` its acts, ``lag_history`` the samples of the relay's lag;
``holders`` names the transactions that hold something up.
"""
