"""The recipes hold the published numbers, and are data alone."""

import ast
import io
import re
import tokenize
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import leadline
from leadline.data.perturb import NONE
from leadline.engine.run import described
from leadline.models.variants import VARIANTS, Pyramid
from leadline.presets import depth_anything_v1 as v1
from leadline.presets import depth_anything_v2 as v2
from leadline.presets import midas, tiny
from leadline.presets.recipes import METRICS, STUDENTS, TEACHERS, fitted
from leadline.stages.metric import MetricConfig
from leadline.stages.student import StudentConfig
from leadline.stages.teacher import TeacherConfig

ROOT = Path(leadline.__file__).parent
Config = TeacherConfig | StudentConfig | MetricConfig
RECIPES: dict[str, Config] = {
    "midas teacher": midas.TEACHER,
    "v1 teacher": v1.TEACHER,
    "v1 student": v1.STUDENT,
    "v2 teacher": v2.TEACHER,
    "v2 student": v2.STUDENT,
    "v1 indoor": v1.METRIC_INDOOR,
    "v1 outdoor": v1.METRIC_OUTDOOR,
    "v2 indoor": v2.METRIC_INDOOR,
    "v2 outdoor": v2.METRIC_OUTDOOR,
}
over_recipes = pytest.mark.parametrize("name", RECIPES)

MIDAS, V1, V2 = "Ranftl et al., TPAMI 2022", "Yang et al., CVPR 2024", "Yang et al., NeurIPS 2024"
V1_CODE = "LiheYoung/Depth-Anything, metric_depth/zoedepth"
V2_CODE = "DepthAnything/Depth-Anything-V2, metric_depth"

PUBLISHED: list[tuple[str, str, Any, str]] = [
    (
        "midas teacher",
        "objective.ssi.loss",
        "ssi_mae",
        f"{MIDAS}, section 5: median and mean absolute deviation",
    ),
    ("midas teacher", "objective.ssi.trim", 0.2, f"{MIDAS}, section 5: the largest 20 % of the residuals"),
    ("midas teacher", "objective.ssi.weight", 0.4, f"{MIDAS}, section 5: 0.8 M residuals over 2 M"),
    ("midas teacher", "objective.gradient.weight", 0.5, f"{MIDAS}, section 5: alpha"),
    ("midas teacher", "optim.lr", 1e-5, f"{MIDAS}, section 6: pretrained layers"),
    ("midas teacher", "optim.decoder_ratio", 10, f"{MIDAS}, section 6: 1e-4 for random layers"),
    ("midas teacher", "optim.betas", [0.9, 0.999], f"{MIDAS}, section 6"),
    ("midas teacher", "optim.weight_decay", 0, f"{MIDAS}, section 6: Adam"),
    ("midas teacher", "crop.size", 384, f"{MIDAS}, section 6"),
    ("midas teacher", "crop.flip", 0.5, f"{MIDAS}, section 6: mirrored with chance 50 %"),
    ("midas teacher", "batch", 80, f"{MIDAS}, section 6: 8 L, and 10 datasets"),
    ("v1 teacher", "objective.ssi.loss", "ssi_mae", f"{V1}, section 3.1"),
    ("v1 teacher", "objective.ssi.trim", 0, f"{V1}, section 3.1: mean over all pixels"),
    ("v1 teacher", "optim.lr", 5e-6, f"{V1}, section 4.1"),
    ("v1 teacher", "optim.decoder_ratio", 10, f"{V1}, section 4.1"),
    ("v1 teacher", "optim.schedule", "linear", f"{V1}, section 4.1"),
    ("v1 teacher", "crop.size", 518, f"{V1}, section 6"),
    ("v1 teacher", "perturb", described(NONE), f"{V1}, section 3.2: labelled pictures are only mirrored"),
    ("v1 student", "objective.labelled.weight", 1 / 3, f"{V1}, section 3.3: the average of three losses"),
    ("v1 student", "objective.pseudo.weight", 1 / 3, f"{V1}, section 3.3: the average of three losses"),
    ("v1 student", "objective.features.weight", 1 / 3, f"{V1}, section 3.3: the average of three losses"),
    ("v1 student", "objective.labelled.on", "labelled", f"{V1}, section 3.1"),
    ("v1 student", "objective.pseudo.on", "pseudo", f"{V1}, section 3.2"),
    ("v1 student", "objective.features.on", "pseudo", f"{V1}, section 3.3: unlabelled pictures alone"),
    ("v1 student", "objective.features.tolerance", 0.85, f"{V1}, section 3.3: alpha"),
    ("v1 student", "perturb.cutmix", 0.5, f"{V1}, section 3.2"),
    ("v1 student", "optim.lr", 5e-6, f"{V1}, section 4.1"),
    ("v1 student", "optim.decoder_ratio", 10, f"{V1}, section 4.1"),
    ("v1 student", "optim.schedule", "linear", f"{V1}, section 4.1"),
    ("v1 student", "crop.size", 518, f"{V1}, section 6"),
    ("v1 student", "start", "pretrained", f"{V1}, section 3.2: not from the teacher"),
    ("v2 teacher", "objective.ssi.weight", 1, f"{V2}, section 7.1: 1 to 2"),
    ("v2 teacher", "objective.gradient.weight", 2, f"{V2}, section 7.1: 1 to 2"),
    ("v2 teacher", "objective.ssi.trim", 0, f"{V2}, section 5.2: in pseudo-labels only"),
    ("v2 teacher", "batch", 64, f"{V2}, section 7.1"),
    ("v2 teacher", "optim.steps", 160_000, f"{V2}, section 7.1"),
    ("v2 teacher", "optim.lr", 5e-6, f"{V2}, section 7.1"),
    ("v2 teacher", "optim.decoder_ratio", 10, f"{V2}, section 7.1: 5e-5"),
    ("v2 teacher", "optim.weight_decay", 0, f"{V2}, section 7.1: Adam"),
    ("v2 teacher", "crop.size", 518, f"{V2}, section 7.1"),
    ("v2 student", "objective.ssi.weight", 1, f"{V2}, section 7.1: 1 to 2"),
    ("v2 student", "objective.gradient.weight", 2, f"{V2}, section 7.1: 1 to 2"),
    ("v2 student", "objective.ssi.trim", 0.1, f"{V2}, section 5.2: the 10 % largest losses"),
    ("v2 student", "objective.features.tolerance", 0.85, f"{V2}, section 5.2, as V1"),
    ("v2 student", "batch", 192, f"{V2}, section 7.1"),
    ("v2 student", "labelled_batch", 0, f"{V2}, section 7.1: pseudo-labelled pictures alone"),
    ("v2 student", "optim.steps", 480_000, f"{V2}, section 7.1"),
    ("v2 student", "optim.lr", 5e-6, f"{V2}, section 7.1"),
    ("v2 student", "optim.decoder_ratio", 10, f"{V2}, section 7.1: 5e-5"),
    ("v2 student", "optim.weight_decay", 0, f"{V2}, section 7.1: Adam"),
    ("v2 student", "crop.size", 518, f"{V2}, section 7.1"),
    ("v2 student", "start", "pretrained", f"{V2}, section 5: not from the teacher"),
    *(
        (name, field, value, f"{V1_CODE}/{place}")
        for name in ("v1 indoor", "v1 outdoor")
        for field, value, place in (
            ("optim.lr", 1.61e-4 / 50, "models/zoedepth/config_zoedepth.json: lr, encoder_lr_factor"),
            ("optim.decoder_ratio", 1, "models/zoedepth/config_zoedepth.json: midas_lr_factor"),
            ("optim.head_ratio", 50, "models/zoedepth/config_zoedepth.json: lr of what is new"),
            ("optim.weight_decay", 0.01, "models/zoedepth/config_zoedepth.json: wd"),
            ("optim.hold", 0.7, "models/zoedepth/config_zoedepth.json: pct_start"),
            ("optim.schedule", "one-cycle", "trainers/base_trainer.py"),
            ("optim.clip", 0.1, "utils/config.py: clip_grad"),
            ("batch", 16, "models/zoedepth/config_zoedepth.json: bs"),
            ("objective.silog.weight", 10, "trainers/loss.py, and w_si 1"),
            ("objective.silog.variance_focus", 0.85, "trainers/loss.py: 1 - beta"),
            ("min_depth", 0.001, "utils/config.py"),
            ("keep_decoder", True, "models/base_models/depth_anything.py"),
        )
    ),
    ("v1 indoor", "max_depth", 10, f"{V1_CODE}/utils/config.py: nyu"),
    ("v1 outdoor", "max_depth", 80, f"{V1_CODE}/utils/config.py: kitti"),
    *(
        (name, field, value, f"{V2_CODE}/{place}")
        for name in ("v2 indoor", "v2 outdoor")
        for field, value, place in (
            ("optim.lr", 5e-6, "dist_train.sh"),
            ("optim.decoder_ratio", 10, "train.py"),
            ("optim.betas", [0.9, 0.999], "train.py"),
            ("optim.weight_decay", 0.01, "train.py"),
            ("optim.schedule", "poly", "train.py"),
            ("optim.warmup", 0, "train.py"),
            ("optim.clip", None, "train.py"),
            ("batch", 32, "dist_train.sh: 4 on 8 GPUs"),
            ("crop.size", 518, "dist_train.sh"),
            ("crop.min_scale", 1, "dataset/hypersim.py: the short side is 518 before the crop"),
            ("crop.flip", 0.5, "train.py"),
            ("perturb", described(NONE), "dataset/hypersim.py"),
            ("network", "depth-anything-v2-large", "dist_train.sh: vitl"),
            ("objective.silog.weight", 1, "train.py"),
            ("objective.silog.variance_focus", 0.5, "util/loss.py: lambd"),
            ("min_depth", 0.001, "dist_train.sh"),
            ("keep_decoder", False, "train.py: keys with 'pretrained' alone"),
        )
    ),
    ("v2 indoor", "max_depth", 20, f"{V2_CODE}/dist_train.sh"),
    ("v2 outdoor", "max_depth", 80, f"{V2_CODE}/dist_train.sh: 80 for virtual kitti"),
]


@pytest.mark.parametrize(("name", "field", "value", "place"), PUBLISHED, ids=lambda value: str(value)[:40])
def test_recipe__holds_the_published_number(name: str, field: str, value: Any, place: str) -> None:
    found: Any = described(RECIPES[name])
    for key in field.split("."):
        found = found[key]
    assert found == value, place


def test_runs__are_as_long_as_published() -> None:
    assert v1.STUDENT.batch == 2 * v1.STUDENT.labelled_batch  # section 4.1: labelled to unlabelled 1:2
    pictures = {name: recipe.optim.steps * recipe.batch for name, recipe in RECIPES.items()}
    assert pictures["midas teacher"] == 60 * 72_000  # section 6: epochs of that many pictures
    assert pictures["v1 teacher"] == pytest.approx(20 * 1.5e6, rel=0.01)  # section 4.1
    assert pictures["v1 student"] == pytest.approx(62e6, rel=0.01)  # section 3.2: one pass
    assert pictures["v2 outdoor"] == pytest.approx(120 * 19_559, rel=1e-4)  # dist_train.sh, vkitti2/train.txt


def test_teachers__have_the_terms_of_their_papers() -> None:
    losses = {
        name: sorted(term.loss for term in recipe.objective.values()) for name, recipe in RECIPES.items()
    }
    assert losses == {
        "midas teacher": ["gradient_matching", "ssi_mae"],
        "v1 teacher": ["ssi_mae"],
        "v1 student": ["feature_alignment", "ssi_mae", "ssi_mae"],
        "v2 teacher": ["gradient_matching", "ssi_mae"],
        "v2 student": ["feature_alignment", "gradient_matching", "ssi_mae"],
        **{f"{version} {place}": ["silog"] for version in ("v1", "v2") for place in ("indoor", "outdoor")},
    }


@pytest.mark.parametrize("recipe", [v1.STUDENT, v2.STUDENT])
def test_students__trim_and_perturb_pseudo_labels_alone(recipe: StudentConfig) -> None:
    assert all(term.on == "pseudo" for term in recipe.objective.values() if term.trim)
    assert recipe.perturb.jitter > 0
    assert recipe.perturb.blur > 0


def test_recipes__are_offered_by_their_names() -> None:
    assert set(TEACHERS) == {"midas", "depth-anything-v1", "depth-anything-v2"}
    assert set(STUDENTS) == {"depth-anything-v1", "depth-anything-v2"}
    assert set(METRICS) == {
        f"depth-anything-{version}-{place}" for version in ("v1", "v2") for place in ("indoor", "outdoor")
    }
    for name, (_, config) in METRICS.items():
        assert config.recipe == name


@pytest.mark.parametrize("network", ["tiny-lite1", "small", "timm/resnet18"])
def test_recipes__are_scaled_for_convolutional_networks_alone(network: str) -> None:
    assert fitted(v2.TEACHER, network) == tiny.teacher(v2.TEACHER, network)
    assert fitted(v1.STUDENT, network) == tiny.student(v1.STUDENT, network)
    assert fitted(v2.METRIC_INDOOR, network) == tiny.metric(v2.METRIC_INDOOR, network)
    large = "depth-anything-v2-large"
    assert fitted(v2.STUDENT, large) == replace(v2.STUDENT, network=large)


@over_recipes
@pytest.mark.parametrize("network", [name for name in VARIANTS if VARIANTS[name].multiple in (14, 32)])
def test_recipes__have_crops_that_the_network_can_be_fed(name: str, network: str) -> None:
    recipe, multiple = RECIPES[name], VARIANTS[network].multiple
    found = fitted(recipe, network).crop.size
    assert found % multiple == 0
    assert isinstance(VARIANTS[network].encoder, Pyramid) or abs(found - recipe.crop.size) <= multiple / 2


# What a small network changes


def scaled_down(recipe: Config) -> Config:
    return fitted(recipe, "tiny")


@over_recipes
def test_tiny__keeps_sources_objective_and_start(name: str) -> None:
    recipe, small = RECIPES[name], scaled_down(RECIPES[name])
    assert type(small) is type(recipe)
    assert small.network in VARIANTS
    changed = {f.name for f in fields(recipe) if getattr(recipe, f.name) != getattr(small, f.name)}
    allowed = {"network", "optim", "crop", "batch", "labelled_batch", "perturb"}
    metric = {"validate_every"} if isinstance(recipe, MetricConfig) else set()
    assert changed <= allowed | metric
    assert ("perturb" in changed) == isinstance(recipe, TeacherConfig)


@pytest.mark.parametrize("recipe", [v1.STUDENT, v2.STUDENT])
def test_tiny__keeps_the_students_mix(recipe: StudentConfig) -> None:
    small = tiny.student(recipe)
    assert small.labelled_batch / small.batch == recipe.labelled_batch / recipe.batch


@over_recipes
def test_tiny__trains_within_minutes(name: str) -> None:
    small = scaled_down(RECIPES[name])
    assert small.optim.steps * small.batch * small.crop.size**2 < 1e9
    assert small.crop.size % VARIANTS[small.network].multiple == 0


@pytest.mark.parametrize("recipe", [config for _, config in METRICS.values()])
def test_metric_recipes__never_enlarge_what_they_cut_out(recipe: MetricConfig) -> None:
    assert recipe.crop.min_scale == scaled_down(recipe).crop.min_scale == 1
    assert recipe.perturb == scaled_down(recipe).perturb == NONE


# Recipes are data


def test_no_code__asks_which_recipe_it_runs() -> None:
    names = re.compile(r"midas|depth[-_ ]anything([-_ ]v\d)?|v[12]", re.IGNORECASE)
    for path in ROOT.rglob("*.py"):
        if path.parent.name in ("presets", "models"):  # networks and file layouts have names, too
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and names.fullmatch(node.value)
        }
        assert said == set(), path


@pytest.mark.parametrize("module", ["midas", "depth_anything_v1", "depth_anything_v2"])
def test_recipe_modules__hold_no_branch(module: str) -> None:
    tree = ast.parse((ROOT / "presets" / f"{module}.py").read_text(encoding="utf-8"))
    branches = (ast.If, ast.IfExp, ast.Match, ast.For, ast.While, ast.Try)
    assert [node for node in ast.walk(tree) if isinstance(node, branches)] == []


@pytest.mark.parametrize("module", ["midas", "depth_anything_v1", "depth_anything_v2"])
def test_every_number__says_where_it_comes_from(module: str) -> None:
    text = (ROOT / "presets" / f"{module}.py").read_text(encoding="utf-8")
    cited, numbered = set(), set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and re.search(
            r"(section|table) \d|\d\.\d|\w\.(py|sh|json|md|txt)\b|\bours\b", token.string
        ):
            cited.add(token.start[0])
        if token.type == tokenize.NUMBER and not token.line.lstrip().startswith("#"):
            numbered.add(token.start[0])
    assert numbered
    # A citation stands on the line, or heads the few lines it is for.
    assert [line for line in sorted(numbered) if cited.isdisjoint(range(line - 3, line + 1))] == []
