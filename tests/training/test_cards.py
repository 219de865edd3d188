import numpy as np

from clipselect.training.cards import MAX_MATRIX_CLASSES, base_card, set_network_card

METADATA = {
    "name": "base", "network": "narrow_r3d", "classes": ("bowling", "push|up"), "clip_duration": 1.0, "frames": 8,
    "height": 112, "data": "videos", "steps": 3, "seed": 0, "clipselect": "0", "command": "made",
    "accuracy": {"top1": 80.0, "videos": 15},
}  # fmt: skip


def test_the_card_of_a_base_holds_its_confusion_matrix() -> None:
    card = base_card(METADATA, np.array([[10, 2], [1, 0]]))
    assert "           1  2\n1 bowling 10  2\n2 push|up  1  .\n" in card
    assert "| push\\|up | 1 | 0 | bowling (1) |" in card


def test_names_with_braces_stand_as_they_are() -> None:
    own = dict.fromkeys(("as they are", "degraded"), 1.0)
    about = METADATA | {"network": "nan", "base": "net{v2}", "base_sha256": "0" * 64, "images_per_set": 3, "images": 9}
    about |= {"identities": 3, "failed": 0, "best_step": 1, "loss": "softmax", "variants": 1, "degradations": "faces"}
    about |= {"held_out": {"sets": 2, "identities": 2, "decidability": {"nan": own, "average": own}}}
    assert 'load_set_network("base.safetensors", base=BASE)  # net{v2}' in set_network_card(about)


def test_the_matrix_of_too_many_classes_is_left_out() -> None:
    classes = [f"class{i}" for i in range(MAX_MATRIX_CLASSES + 1)]
    card = base_card(METADATA | {"classes": classes}, np.eye(len(classes), dtype=np.int64))
    assert "true class (rows)" not in card and "| class40 | 1 | 1 |  |" in card
