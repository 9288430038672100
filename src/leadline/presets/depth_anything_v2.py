"""Depth Anything V2 (Yang et al., NeurIPS 2024): a synthetic teacher, a student on its labels alone, metres.

Not published, so ours: the four scales of gradient matching (MiDaS's), AdamW's betas, no clipping, mirroring
of the student's pictures, and what `docs/conventions.md` says of how the losses combine.
"""

from dataclasses import replace

from leadline.data.perturb import NONE, Perturbation
from leadline.data.transforms import Crop
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.stages.metric import MetricConfig
from leadline.stages.student import StudentConfig
from leadline.stages.teacher import TeacherConfig

_CROP = Crop(size=518)  # V1, section 6; V2 does not say otherwise


def _optim(steps: int) -> Optim:
    return Optim(
        steps=steps,
        lr=5e-6,  # section 7.1
        decoder_ratio=10,  # section 7.1
        weight_decay=0,  # section 7.1 says Adam
        schedule="linear",  # ours: not published; V1's
    )


TEACHER = TeacherConfig(
    recipe="depth-anything-v2",
    network="depth-anything-v2-giant",  # section 7.1
    objective={
        "ssi": Term(loss="ssi_mae", weight=1),  # section 7.1: 1 to 2
        "gradient": Term(loss="gradient_matching", weight=2),
    },
    perturb=NONE,  # ours: none is mentioned for synthetic pictures
    crop=_CROP,
    batch=64,  # section 7.1
    optim=_optim(160_000),  # section 7.1
)

STUDENT = StudentConfig(
    recipe="depth-anything-v2",
    network="depth-anything-v2-small",  # section 7.1: or base, large
    start="pretrained",  # V1, section 3.2: a fresh decoder, never the teacher's weights
    objective={
        "ssi": Term(loss="ssi_mae", weight=1, on="pseudo", trim=0.1),  # section 5.2: 10 % ignored
        "gradient": Term(loss="gradient_matching", weight=2, on="pseudo"),  # section 7.1
        "features": Term(loss="feature_alignment", weight=1, on="pseudo", tolerance=0.85),  # 5.2; weight ours
    },
    perturb=Perturbation(),  # V1's; the author calls it unnecessary for small students (issue 207)
    crop=_CROP,
    batch=192,  # section 7.1
    optim=_optim(480_000),  # section 7.1
)


def _metric(pictures: int) -> Optim:
    return Optim(
        steps=120 * pictures // 32,  # metric_depth/dist_train.sh: 120 epochs
        lr=5e-6,  # metric_depth/dist_train.sh
        decoder_ratio=10,  # metric_depth/train.py
        betas=(0.9, 0.999),  # metric_depth/train.py
        weight_decay=0.01,  # metric_depth/train.py
        schedule="poly",  # metric_depth/train.py: (1 - t) ** 0.9, no warm-up
    )


METRIC_INDOOR = MetricConfig(
    recipe="depth-anything-v2-indoor",
    network="depth-anything-v2-large",  # metric_depth/dist_train.sh
    keep_decoder=False,  # metric_depth/train.py: the encoder alone is loaded
    objective={"silog": Term(loss="silog", variance_focus=0.5)},  # metric_depth/util/loss.py
    perturb=NONE,  # metric_depth/dataset/hypersim.py: mirrored and cropped
    crop=_CROP,  # metric_depth/dist_train.sh: 518
    max_depth=20,  # metric_depth/dist_train.sh
    min_depth=0.001,  # metric_depth/dist_train.sh
    batch=32,  # metric_depth/dist_train.sh: 4 on each of 8 GPUs
    optim=_metric(60_000),  # table 7: Hypersim; the list of the training is not published
)

METRIC_OUTDOOR = replace(
    METRIC_INDOOR,
    recipe="depth-anything-v2-outdoor",
    max_depth=80,  # metric_depth/README.md: Virtual KITTI 2
    optim=_metric(19_559),  # metric_depth/dataset/splits/vkitti2/train.txt
)
