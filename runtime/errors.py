"""The errors of this project. Each class is defined beside the code that raises it.

PaymentServiceError
├── SettingError                 a setting can't be used; also a ValueError
├── TransactionOpenError         Stripe was about to be called inside a transaction; also a RuntimeError
├── StripeUnknownError           no answer, or a 5xx: the effect may have happened
├── StripeBusyError              Stripe did nothing; try again later
├── StripeRefusedError           Stripe refused for good
├── UnexpectedObjectError        an object of Stripe has a form that we don't know; also a ValueError
├── LeaseLostError               another worker has the command
├── NotDurableError              the database could not store a record
├── TransitionError              a status change that the table does not allow
├── UnreadableError              the bytes of a command can't be read
│   └── ExcessiveError           they are too many, or nested too deeply
├── FieldError                   a field of a command is wrong
├── DuplicateError               the command was accepted before
├── RaceError                    the order's payment ended between two statements
├── BadWebhookError              a webhook's signature or payload is bad
├── ApiError                     an HTTP request is answered with an error
├── PageError                    a request of the operators' page is answered with a page that says why
├── FormError                    a form of the operators' page is filled in wrongly
├── RequestRefusedError          an HTTP request is too large, too slow or malformed
├── UnknownPaymentError          an HTTP request names no payment
├── KeyReusedError               an Idempotency-Key came with another body
├── OperatorError                an operator asked for what can't be done
│   ├── LockedError              … while another transaction holds its row
│   ├── NotYetError              … until another operation is done
│   ├── NotNeededError           … because others have done it, or are about to
│   └── MovedOnError             the payment has another status than the operator saw
├── CannotMigrateError           the database is unfit for this schema
│   └── RowsInTheWayError        rows break a rule that a migration adds
├── SearchError                  a search for Kafka's records had no answer
├── SpentError                   a search for Kafka's records has reached a bound
├── ExchangedError               the commands topic was replaced by another one
├── RecordRefusedError           Kafka refuses a record for itself
├── DoubtError                   the outbox is not the one that the relay began with
│   └── LastRowError             the last published row has changed
├── StoppedError                 draining began before there was anything to finish
└── GraceOverError               work could not be finished within the grace period
"""


class PaymentServiceError(Exception):
    """Base of all errors that this project raises."""
