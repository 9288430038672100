"""Depth Anything V1 (Yang et al., CVPR 2024): a student on labelled and pseudo-labelled pictures, metres."""

from dataclasses import replace

from leadline.data.perturb import NONE, Perturbation
from leadline.data.transforms import Crop
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.stages.metric import MetricConfig
from leadline.stages.student import StudentConfig
from leadline.stages.teacher import TeacherConfig

_CROP = Crop(size=518)  # section 6: short side 518, aspect kept, random crop


def _optim(steps: int) -> Optim:
    return Optim(
        steps=steps,
        lr=5e-6,  # section 4.1
        decoder_ratio=10,  # section 4.1
        schedule="linear",  # section 4.1
        weight_decay=0.01,  # ours: AdamW is published, its decay is not
    )


TEACHER = TeacherConfig(
    recipe="depth-anything-v1",
    network="depth-anything-v1-large",  # section 4.1
    objective={"ssi": Term(loss="ssi_mae")},  # section 3.1
    perturb=NONE,  # section 3.2: labelled pictures are only mirrored
    crop=_CROP,
    batch=64,  # ours: not published
    optim=_optim(470_000),  # section 4.1: 20 epochs of 1.5 million pictures
)

STUDENT = StudentConfig(
    recipe="depth-anything-v1",
    network="depth-anything-v1-small",  # section 4.1: or base, large
    start="pretrained",  # V1, section 3.2: a fresh decoder, never the teacher's weights
    objective={  # section 3.3: the plain average of the three losses
        "labelled": Term(loss="ssi_mae", weight=1 / 3, on="labelled"),
        "pseudo": Term(loss="ssi_mae", weight=1 / 3, on="pseudo"),
        "features": Term(loss="feature_alignment", weight=1 / 3, on="pseudo", tolerance=0.85),
    },
    perturb=Perturbation(),  # section 3.2; strengths from UniMatch, see `leadline.data.perturb`
    crop=_CROP,
    batch=128,  # ours: not published
    labelled_batch=64,  # section 4.1: labelled to unlabelled 1:2
    optim=_optim(484_000),  # section 3.2: one pass over 62 million pictures
)


def _metric(pictures: int) -> Optim:
    return Optim(
        steps=5 * pictures // 16,  # config_zoedepth.json: 5 epochs
        lr=1.61e-4 / 50,  # config_zoedepth.json: lr 1.61e-4, encoder_lr_factor 50
        decoder_ratio=1,  # config_zoedepth.json: midas_lr_factor 50
        head_ratio=50,  # config_zoedepth.json: lr, for what is new; ours: the last layer, in place of bins
        weight_decay=0.01,  # config_zoedepth.json
        schedule="one-cycle",  # zoedepth/trainers/base_trainer.py
        clip=0.1,  # zoedepth/utils/config.py: clip_grad
        hold=0.7,  # config_zoedepth.json: pct_start, and div_factor 1
    )


# The numbers of V1's fine-tuning of ZoeDepth (metric_depth/zoedepth/models/zoedepth/config_zoedepth.json)
# around our network: a sigmoid in place of ZoeDepth's bins, square crops in place of whole pictures.
METRIC_INDOOR = MetricConfig(
    recipe="depth-anything-v1-indoor",
    network="depth-anything-v1-large",  # zoedepth/models/base_models/depth_anything.py
    keep_decoder=True,  # zoedepth/models/base_models/depth_anything.py: all of the network is loaded
    objective={
        # zoedepth/trainers/loss.py: 10 * sqrt(var + 0.15 * mean ** 2), and w_si 1
        "silog": Term(loss="silog", weight=10, variance_focus=0.85)
    },
    perturb=NONE,  # ours: ZoeDepth's colour augmentation is left out
    crop=Crop(size=392),  # section 6: 392x518; ours: square
    max_depth=10,  # zoedepth/utils/config.py: nyu
    min_depth=0.001,  # zoedepth/utils/config.py
    batch=16,  # config_zoedepth.json
    optim=_metric(24_231),  # ours: the list of NYU's training pictures that came with BTS
)

METRIC_OUTDOOR = replace(
    METRIC_INDOOR,
    recipe="depth-anything-v1-outdoor",
    crop=Crop(size=392),  # section 6: 384x768; ours: square, and the next multiple of 14
    max_depth=80,  # zoedepth/utils/config.py: kitti
    optim=_metric(23_158),  # ours: Eigen's training pictures of KITTI
)
