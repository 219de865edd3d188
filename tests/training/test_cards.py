import numpy as np

from clipselect.training.cards import MAX_MATRIX_CLASSES, base_card

METADATA = {
    "name": "base", "network": "narrow_r3d", "classes": ("bowling", "push|up"), "clip_duration": 1.0, "frames": 8,
    "height": 112, "data": "videos", "steps": 3, "seed": 0, "clipselect": "0", "command": "made",
    "accuracy": {"top1": 80.0, "videos": 15},
}  # fmt: skip


def test_the_card_of_a_base_holds_its_confusion_matrix() -> None:
    card = base_card(METADATA, np.array([[10, 2], [1, 0]]))
    assert "           1  2\n1 bowling 10  2\n2 push|up  1  .\n" in card
    assert "| push\\|up | 1 | 0 | bowling (1) |" in card


def test_the_matrix_of_too_many_classes_is_left_out() -> None:
    classes = [f"class{i}" for i in range(MAX_MATRIX_CLASSES + 1)]
    card = base_card(METADATA | {"classes": classes}, np.eye(len(classes), dtype=np.int64))
    assert "true class (rows)" not in card and "| class40 | 1 | 1 |  |" in card
