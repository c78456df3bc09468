"""Which memory is trusted."""

import pytest

from relay.checkpoint import Checkpoint
from relay.positions import Settled
from relay.recall import Memory, recall, recall_without_receipts
from relay.receipt import Epoch, Receipt, Witness

HERE, ELSEWHERE = Epoch(1, 1), Epoch(1, 2)
WITNESS = Witness(20, "d1")
RECEIPT = Receipt(Settled(18, ((20, 20),)), HERE, WITNESS)
MIRROR = Checkpoint(Settled(15), HERE)
ROWS = {20: WITNESS}


def test_the_receipt_is_trusted_while_its_witness_stands() -> None:
    assert recall(RECEIPT, MIRROR, HERE, ROWS.get) == Memory(RECEIPT.settled, None)
    assert recall(RECEIPT, None, HERE, ROWS.get) == Memory(RECEIPT.settled, None)


@pytest.mark.parametrize(
    ("receipt", "mirror", "epoch", "rows", "settled"),
    [
        pytest.param(None, None, HERE, ROWS, Settled(), id="both lost, or the first start"),
        pytest.param(None, MIRROR, HERE, ROWS, MIRROR.settled, id="receipt expired"),
        pytest.param(RECEIPT, MIRROR, ELSEWHERE, ROWS, MIRROR.settled, id="promoted or restored"),
        pytest.param(RECEIPT, MIRROR, HERE, {}, MIRROR.settled, id="the last row published is gone"),
        pytest.param(RECEIPT, MIRROR, HERE, {20: Witness(20, "d2")}, MIRROR.settled, id="its position was used again"),
        pytest.param(RECEIPT._replace(witness=None), MIRROR, HERE, ROWS, MIRROR.settled, id="no witness"),
        pytest.param(RECEIPT._replace(partial=True), MIRROR, HERE, ROWS, RECEIPT.settled, id="no room for all"),
        pytest.param(RECEIPT, Checkpoint(Settled(30), HERE), HERE, ROWS, RECEIPT.settled, id="Kafka went back"),
    ],
)
def test_whatever_else_is_doubted(
    receipt: Receipt | None, mirror: Checkpoint | None, epoch: Epoch, rows: dict[int, Witness], settled: Settled
) -> None:
    memory = recall(receipt, mirror, epoch, rows.get)
    assert memory.settled == settled
    assert memory.doubt


def test_without_receipts_the_mirror_is_trusted_in_its_own_life_of_the_database() -> None:
    assert recall_without_receipts(MIRROR, HERE) == Memory(MIRROR.settled, None)
    assert recall_without_receipts(MIRROR, ELSEWHERE).doubt
    assert recall_without_receipts(None, HERE).doubt
