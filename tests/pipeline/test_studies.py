"""The card and the gallery of a model, from a miniature of its making."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import gallery
import model_card
import numpy as np
import pytest

from leadline.app.shipped import PHOTOGRAPHS
from leadline.data.files import encode_jpeg, read_picture
from leadline.data.records import Record, encode_record
from leadline.data.shards import Store, finish_store, write_store
from leadline.data.transforms import Crop
from leadline.models.checkpoints import digest, load_network
from leadline.presets.recipes import STUDENTS, TEACHERS, fitted
from leadline.render.scene import Kind
from leadline.stages.convert import ConvertConfig, convert
from leadline.stages.evaluate import EvaluateConfig, evaluate
from leadline.stages.pseudo_label import PseudoLabelConfig, pseudo_label
from leadline.stages.student import train_student
from leadline.stages.teacher import train_teacher
from leadline.storage import sha256_of
from leadline.types import LeadlineError, Size
from miniature import ONE_THREAD, Discs

ABOUT = {
    "stage": "render",
    "seed": "7",
    "quality": "fast",
    "size": "40x56",
    "views": "1",
    "licence": "Apache-2.0 (generated), with what they show",
    "textures": "photographs, 3 files, 0a1b",
    "environment": "panoramas, 2 files, 2c3d",
}


def write_renders(out: Path, *, count: int) -> Path:
    """Write a store as `render` does: discs on a wall above the ground."""
    source = Discs(count=count, size=Size(40, 56))

    def record(index: int) -> Record:
        sample = source[index]
        assert sample.label is not None
        kinds = np.full(sample.size, Kind.WALL, np.uint8)
        kinds[20:] = Kind.GROUND
        _, png = cv2.imencode(".png", kinds)
        label = replace(sample.label, valid=np.ones(sample.size, np.bool_))
        extra = {"kinds.png": bytes(png.tobytes())}
        return encode_record(
            sample.id, encode_jpeg(sample.image), label, extra=extra, about={"layout": "shop"}
        )

    write_store(out, [count], lambda _: [record(i) for i in range(count)], about=ABOUT, done=lambda *_: None)
    finish_store(out)
    return out


def small(recipe: Any, **changes: Any) -> Any:
    made = fitted(recipe, "tiny")
    optim = replace(made.optim, steps=2)
    return replace(
        made, start="random", optim=optim, crop=Crop(size=32), batch=2, machine=ONE_THREAD, **changes
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the pipeline in miniature, and return its folder."""
    root = tmp_path_factory.mktemp("made")
    renders = write_renders(root / "renders", count=4)
    photographs, pictures = root / "photographs", Discs(count=3, seed=5)
    photographs.mkdir()
    for index in range(3):
        (photographs / f"{index}.jpg").write_bytes(encode_jpeg(pictures[index].image))
    rows = ["0.jpg,sun,research only", "1.jpg,sun,research only", "2.jpg,clothing,CC0"]
    (photographs / "manifest.csv").write_text("\n".join(["file,source,licence", *rows]))
    recipe = small(TEACHERS["depth-anything-v2"][1], labelled=(str(renders),), out=root / "teacher")
    teacher = train_teacher(replace(recipe, crop=Crop(size=64, smallest=32)))
    labels = pseudo_label(
        PseudoLabelConfig(
            teacher=(teacher,),
            pictures=(str(photographs),),
            short_side=(32,),
            out=root / "labels",
            machine=ONE_THREAD,
        )
    )
    recipe = STUDENTS["depth-anything-v2"][1]
    objective = {name: term for name, term in recipe.objective.items() if name != "features"}
    student = train_student(
        small(recipe, objective=objective, pseudo=(str(labels),), seed=9, out=root / "student")
    )
    convert(
        ConvertConfig(
            model=student,
            half=True,
            note=("licence=Apache-2.0", "commit=1a2b3c"),
            out=root / "small.safetensors",
        )
    )
    models = tuple(map(str, (root / "small.safetensors", student, teacher)))
    evaluate(
        EvaluateConfig(models=models, benchmarks=(str(renders),), short_side=32, out=root / "evaluation")
    )
    return root


@pytest.fixture
def card(made: Path, tmp_path: Path) -> model_card.CardConfig:
    parts = ("facts", "data", "recipe", "figures", "failures")
    text = "".join(f"By hand before {part}.\n<!-- {part} -->\nold\n<!-- end -->\n" for part in parts)
    (tmp_path / "card.md").write_text(text + "By hand at the end.\n")
    return model_card.CardConfig(
        student=made / "student",
        teachers=(made / "teacher",),
        evaluation=made / "evaluation",
        labels=(made / "labels",),
        ledgers=(made / "photographs" / "manifest.csv",),
        licences=("panoramas=CC0 1.0",),
        model=made / "small.safetensors",
        card=tmp_path / "card.md",
    )


def rows_of(text: str, part: str) -> list[list[str]]:
    [content] = re.findall(rf"<!-- {part} -->\n(.*?)<!-- end -->", text, flags=re.DOTALL)
    lines = [line for line in content.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_card__counts_data_by_origin_and_licence(card: model_card.CardConfig) -> None:
    model_card.main(card)
    rows = rows_of(card.card.read_text(), "data")[2:]
    assert rows == [
        ["pictures with pseudo-labels", "2", "sun", "research only"],
        ["pictures with pseudo-labels", "1", "clothing", "CC0"],
        [
            "renders with exact labels",
            "4",
            "rendered: seed 7, fast, 40x56, views 1",
            "Apache-2.0 (generated), with what they show",
        ],
        ["... their textures", "2", "sun", "research only"],
        ["... their textures", "1", "clothing", "CC0"],
        ["... their environment", "", "panoramas, 2 files, 2c3d", "CC0 1.0"],
    ]
    model_card.main(replace(card, teachers=(*card.teachers, card.student)))  # whose student teaches the next
    assert rows_of(card.card.read_text(), "data")[2:] == rows


def test_card__of_labels_that_were_not_learnt_from_is_refused(
    card: model_card.CardConfig, made: Path
) -> None:
    for labels in ((), (made / "labels", made / "renders"), (made / "renders",)):
        with pytest.raises(LeadlineError, match="--labels are not the 1 stores"):
            model_card.main(replace(card, labels=labels))


def test_card__names_labelled_sources_that_were_not_rendered() -> None:
    part = {"name": "kitchens", "count": "9", "used": "5", "licence": "CC BY 4.0"}
    assert model_card.labelled(part, {}, {}) == [["labelled pictures", "5", "kitchens", "CC BY 4.0"]]


def test_card__says_of_unknown_pictures_that_their_terms_are_not_stated(card: model_card.CardConfig) -> None:
    model_card.main(replace(card, ledgers=(), licences=()))
    rows = rows_of(card.card.read_text(), "data")[2:]
    assert ["pictures with pseudo-labels", "3", "photographs", "not stated"] in rows
    assert {row[-1] for row in rows if row[0].startswith("...")} == {"not stated"}


def test_card__tells_file_recipe_and_figures_from_what_was_made(
    card: model_card.CardConfig, made: Path
) -> None:
    model_card.main(card)
    text = card.card.read_text()
    facts = dict(rows_of(text, "facts")[2:])
    assert facts["sha256"] == f"`{sha256_of(card.model)}`"
    weights = digest(load_network(made / "student" / "weights.safetensors")[0])
    assert facts["the same before rounding"] == f"`{weights}`"
    assert facts["licence"] == "Apache-2.0"
    assert facts["leadline"].endswith("commit 1a2b3c")
    teacher, student = rows_of(text, "recipe")[2:]
    assert (teacher[0], student[0]) == (
        "teacher (teacher, depth-anything-v2)",
        "student (student, depth-anything-v2)",
    )
    assert teacher[2] == "2 steps of 2, crops of 32 to 64"
    assert student[1:3] == ["tiny from random, seed 9", "2 steps of 2, crops of 32"]
    report = json.loads((made / "evaluation" / "report.json").read_text())
    figures = {row[0]: row for row in rows_of(text, "figures")}
    for name in ("constant", "vertical ramp", "teacher", "student", "small"):
        assert f"{report['models'][name]['mean']['abs_rel']:.3f}" in str(rows_of(text, "figures")), name
    assert {"teacher", "student", "small"} <= figures.keys()
    worst = max(report["models"]["small"]["pictures"], key=lambda row: float(row["abs_rel"]))
    failures = rows_of(text, "failures")[2:]
    assert ["AbsRel of one picture", f"`{worst['id']}`", f"{worst['abs_rel']:.3f}"] == failures[1]
    assert text.count("By hand") == 6
    assert "old" not in text
    model_card.main(card)
    assert card.card.read_text() == text


def test_card__is_refused_where_it_has_no_place_or_the_model_was_not_measured(
    card: model_card.CardConfig,
) -> None:
    with pytest.raises(LeadlineError, match="weights is not among the evaluated"):
        model_card.main(replace(card, model=card.student / "weights.safetensors"))
    card.card.write_text("nothing here\n")
    with pytest.raises(LeadlineError, match="<!-- facts -->"):
        model_card.main(card)


def test_verdict__counts_what_is_off_and_names_the_kind() -> None:
    errors = np.full((10, 10), 0.1)
    errors[:3] = 0.5
    errors[9] = np.nan
    kinds = np.full((10, 10), Kind.WALL)
    kinds[:3] = Kind.GLASS
    kinds[4, 0] = Kind.WIRE  # too little to be named
    errors[4, 0] = 9
    assert gallery.verdict(errors, kinds) == (
        "34% of the pixels are off by more than 25%; worst on glass, off by 50% on average"
    )


def test_gallery__shows_the_extremes_with_their_figures(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    asked: list[Any] = []

    def render(config: Any) -> Path:
        asked.append(config)
        return made / "renders"

    monkeypatch.setattr(gallery, "render", render)
    shown_ones = dict(list(PHOTOGRAPHS.items())[::4])
    monkeypatch.setattr(gallery, "PHOTOGRAPHS", shown_ones)
    out = tmp_path / "docs" / "gallery"
    config = gallery.GalleryConfig(model=str(made / "small.safetensors"), out=out, shown=1)
    out.mkdir(parents=True)
    (out / "best-9.jpg").write_bytes(b"")  # of a gallery before
    gallery.main(config)
    assert asked[0].textures is None
    text = out.with_suffix(".md").read_text()
    shown = re.findall(r"!\[.*?\]\(gallery/(.*?)\)", text)
    assert sorted(shown) == sorted(path.name for path in out.iterdir())
    assert shown[-2:] == ["best-1.jpg", "worst-1.jpg"]
    assert sum(path.stat().st_size for path in out.iterdir()) <= gallery.BUDGET
    best, worst = (float(figure) for figure in re.findall(r"^shop, AbsRel ([\d.]+):", text, flags=re.M))
    figures = abs_rels(made)
    assert [best, worst] == pytest.approx([min(figures), max(figures)], abs=1e-3)
    assert best < worst
    for path in out.iterdir():
        assert read_picture(path).shape[1] <= gallery.WIDTH
    for credit in shown_ones.values():
        assert credit in text


def abs_rels(made: Path) -> Sequence[float]:
    import leadline
    from leadline.metrics import measure

    predictor, store, found = leadline.load(made / "small.safetensors"), Store(made / "renders"), []
    for index in range(len(store)):
        sample = store[index]
        assert sample.label is not None
        found.append(measure(predictor(sample.image), sample.label)["abs_rel"])
    return found


def test_gallery__leaves_pictures_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "gallery").mkdir()
    for name in ("holiday.jpg", "best-7.jpg"):
        (tmp_path / "gallery" / name).touch()
    config = gallery.GalleryConfig(out=tmp_path / "gallery")
    row = gallery.Row("best-1", np.zeros((40, 40, 3), np.uint8), "nothing")
    gallery.write(config, {"Some": [row]}, Size(40, 40))
    assert sorted(path.name for path in config.out.iterdir()) == ["best-1.jpg", "holiday.jpg"]


def test_gallery__that_is_too_large_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "BUDGET", 100)
    config = gallery.GalleryConfig(out=tmp_path / "gallery")
    row = gallery.Row("x", np.zeros((40, 40, 3), np.uint8), "nothing")
    with pytest.raises(LeadlineError, match="at most 100"):
        gallery.write(config, {"Some": [row]}, Size(40, 40))
    assert list(tmp_path.iterdir()) == []
