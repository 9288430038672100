"""The label stage writes what the teacher sees, and ends the same however often it is killed."""

import json
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from leadline.data.files import encode_jpeg, read_picture
from leadline.data.shards import MANIFEST, Store
from leadline.engine.run import Machine
from leadline.losses import ssi_mae
from leadline.models.checkpoints import digest, load_network, save_network
from leadline.models.network import Network
from leadline.models.variants import find_variant
from leadline.predict.figures import colourise, montage
from leadline.predict.predictor import Predictor, View
from leadline.stages.pseudo_label import WORST, PseudoLabelConfig, pseudo_label
from leadline.stages.sources import open_source
from leadline.types import LeadlineError, Size, Space
from miniature import varied_network

SIZES = [Size(40, 56), Size(72, 40), Size(40, 56), Size(33, 47), Size(40, 56), Size(20, 110), Size(40, 56)]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "weights.safetensors"
    save_network(path, "tiny", varied_network().state_dict(), about={"step": 5})
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures of four sizes, lossless."""
    folder = tmp_path_factory.mktemp("photos") / "photos"
    folder.mkdir()
    for number, size in enumerate(SIZES):
        rough = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(rough, (size.w, size.h)))
    return folder


def test_store__among_its_own_pictures_is_refused_before_anything_is_written(
    config: PseudoLabelConfig, photos: Path
) -> None:
    for out in (photos, photos / "deep" / "labels"):
        with pytest.raises(LeadlineError, match="would be taken for pictures: give another --out"):
            pseudo_label(replace(config, out=out))
    assert len(list(photos.iterdir())) == len(SIZES)


@pytest.fixture(scope="module")
def config(teacher: Path, photos: Path) -> PseudoLabelConfig:
    return PseudoLabelConfig(
        teacher=(teacher,),
        pictures=(f"{photos}?licence=mine",),
        short_side=(32,),
        shard=3,
        batch=2,
        machine=Machine(accelerator="cpu", threads=1),
    )


@pytest.fixture(scope="module")
def store(config: PseudoLabelConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels written without a break."""
    return pseudo_label(replace(config, out=tmp_path_factory.mktemp("labels") / "labels"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("shard-*")}


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found


def spoil(photos: Path, folder: Path, *numbers: int) -> str:
    """Copy the pictures, some of them cut short."""
    folder.mkdir()
    for path in photos.iterdir():
        data = path.read_bytes()
        (folder / path.name).write_bytes(data[: len(data) // 2] if int(path.stem) in numbers else data)
    return str(folder)


# ---------------------------------------------------------------- what it writes


def test_pseudo_label__labels_are_the_predictors_maps(
    store: Path, config: PseudoLabelConfig, photos: Path
) -> None:
    labels = Store(store)
    predictor = Predictor(load_network(Path(config.teacher[0]))[0], size=32)
    assert len(labels) == len(SIZES)
    for index, size in enumerate(SIZES):
        picture = read_picture(photos / f"{index}.png")
        sample, expected = labels[index], predictor(picture)
        assert sample.label is not None
        assert sample.id == f"photos/{index}.png"
        assert sample.size == size
        assert sample.label.space is Space.AFFINE_DISPARITY
        assert sample.label.valid.all()
        spread = np.ptp(expected.values)
        assert spread > 0.01
        np.testing.assert_allclose(sample.label.values, expected.values, atol=spread / 65535 + 1e-5)
        assert np.abs(sample.image - picture.astype(float)).mean() < 6  # JPEG


def test_pseudo_label__the_store_is_a_source(store: Path) -> None:
    source = open_source(str(store))
    assert len(source) == 7
    assert source.provenance()["fingerprint"] == manifest_of(store)["fingerprint"]


def test_pseudo_label__the_manifest_says_what_it_was_made_from(store: Path, photos: Path) -> None:
    manifest = manifest_of(store)
    about = manifest["about"]
    assert manifest["complete"] is True
    assert manifest["count"] == 7
    assert manifest["counts"] == [3, 3, 1]
    assert manifest["unreadable"] == []
    assert about["stage"] == "pseudo_label"
    assert about["sides"] == [32]
    assert about["stored_side"] == 640
    assert about["flip_average"] is False
    assert len(about["teacher"]["weights"]) == 64
    assert (about["teacher"]["network"], about["teacher"]["step"]) == ("tiny", 5)
    assert about["pictures"]["0.licence"] == "mine"
    assert str(photos) not in json.dumps(manifest), "private paths stay out of stores"


def test_pseudo_label__the_teachers_hash_is_that_of_its_file(store: Path, config: PseudoLabelConfig) -> None:

    expected = digest(load_network(Path(config.teacher[0]))[0])
    assert manifest_of(store)["about"]["teacher"]["weights"] == expected


def test_pseudo_label__quality_is_the_disagreement_with_the_mirrored_picture(
    store: Path, config: PseudoLabelConfig, photos: Path
) -> None:
    predictor = Predictor(load_network(Path(config.teacher[0]))[0], size=32)
    for index, quality in enumerate(Store(store).quality):
        prepared = predictor.prepare(read_picture(photos / f"{index}.png"))
        straight = predictor.maps([prepared])[0][..., ::2, ::2]
        mirrored = predictor.maps([np.ascontiguousarray(prepared[:, ::-1])])[0].flip(-1)[..., ::2, ::2]
        expected = ssi_mae(mirrored, straight, torch.ones_like(straight, dtype=torch.bool))
        assert quality["flip_disagreement"] == pytest.approx(float(expected), rel=1e-3)
        assert 0 <= quality["zeros"] <= 1


def test_pseudo_label__draws_the_least_certain_first(store: Path) -> None:
    labels, tiles = Store(store), []
    for index in sorted(range(7), key=lambda index: -labels.quality[index]["flip_disagreement"]):
        sample = labels[index]
        assert sample.label is not None
        tiles.append(np.hstack([sample.image, colourise(sample.label.values)]))
    expected = montage(tiles, columns=4, tile=Size(120, 320))
    sheet = read_picture(store / WORST)
    assert sheet.shape == expected.shape
    assert np.abs(sheet - expected.astype(float)).mean() < 6  # JPEG


def test_pseudo_label__flip_average_stores_the_mean_of_both(
    config: PseudoLabelConfig, photos: Path, tmp_path: Path
) -> None:
    spec = f"{photos}?limit=1"
    out = pseudo_label(replace(config, pictures=(spec,), flip_average=True, out=tmp_path / "labels"))
    predictor = Predictor(load_network(Path(config.teacher[0]))[0], size=32)
    prepared = predictor.prepare(read_picture(photos / "0.png"))
    both = (
        predictor.maps([prepared])[0],
        predictor.maps([np.ascontiguousarray(prepared[:, ::-1])])[0].flip(-1),
    )
    expected = predictor.restore(View((both[0] + both[1]) / 2), SIZES[0]).values
    label = Store(out)[0].label
    assert label is not None
    np.testing.assert_allclose(label.values, expected, atol=np.ptp(expected) / 65535 + 1e-5)
    assert not np.allclose(label.values, predictor.restore(View(both[0]), SIZES[0]).values, atol=1e-3)


def test_pseudo_label__stored_side_shrinks_picture_and_label_alike(
    config: PseudoLabelConfig, photos: Path, tmp_path: Path
) -> None:
    out = pseudo_label(replace(config, stored_side=30, out=tmp_path / "labels"))
    labels = Store(out)
    sizes = []
    for index in range(len(labels)):
        sample = labels[index]
        assert sample.label is not None
        assert sample.label.values.shape == sample.size
        sizes.append(sample.size)
        whole = cv2.resize(
            read_picture(photos / f"{index}.png"),
            (sample.size.w, sample.size.h),
            interpolation=cv2.INTER_AREA,
        )
        assert np.abs(sample.image - whole.astype(float)).mean() < 6
    assert sizes == [(30, 42), (54, 30), (30, 42), (30, 43), (30, 42), (20, 110), (30, 42)]


# ---------------------------------------------------------------- several teachers


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second teacher, whose maps have another size and place altogether."""
    path = tmp_path_factory.mktemp("teacher") / "weights.safetensors"
    network = varied_network(seed=1)
    with torch.no_grad():
        network.decoder.head.weight.mul_(1000)
    save_network(path, "tiny", network.state_dict(), about={"step": 7})
    return path


@pytest.mark.parametrize("flip_average", [False, True])
@pytest.mark.parametrize("sides", [(), (32,), (32, 64)])
def test_pseudo_label__of_several_teachers_is_the_mean_of_their_normalised_maps(
    config: PseudoLabelConfig,
    other: Path,
    photos: Path,
    tmp_path: Path,
    sides: tuple[int, ...],
    flip_average: bool,
) -> None:
    both = (*config.teacher, other)
    out = pseudo_label(
        replace(config, teacher=both, short_side=sides, flip_average=flip_average, out=tmp_path / "labels")
    )
    labels, expected = Store(out), []
    for path, side in zip(both, (sides * 2)[:2] or (None, None), strict=True):
        predictor = Predictor(load_network(Path(path))[0], size=side, flip_average=flip_average)
        maps = [predictor(photos / f"{index}.png").values for index in range(len(SIZES))]
        # `losses.normalise` takes the lower median, which NumPy's "lower" method of quantiles is.
        centred = [values - np.quantile(values, 0.5, method="lower") for values in maps]
        expected.append([values / np.abs(values).mean() for values in centred])
    for index, (one, two) in enumerate(zip(*expected, strict=True)):
        mean, label = (one + two) / 2, labels[index].label
        assert label is not None
        assert label.space is Space.AFFINE_DISPARITY
        assert np.abs(one - two).max() > 0.1, "two alike would show nothing"
        np.testing.assert_allclose(label.values, mean, atol=np.ptp(mean) / 65535 + 1e-4)
    told = manifest_of(out)["about"]["teachers"]
    assert [(each["teacher"]["step"], each["sides"]) for each in told] == [
        (5, [sides[0] if sides else 224]),
        (7, [sides[-1] if sides else 224]),
    ]


def test_pseudo_label__of_several_teachers__leaves_out_the_same_pictures_and_means_their_figures(
    config: PseudoLabelConfig, store: Path, other: Path, photos: Path, tmp_path: Path
) -> None:
    spec = spoil(photos, tmp_path / "photos", 1, 4)
    given = replace(config, pictures=(spec,), unreadable_limit=0.3)
    alone = pseudo_label(replace(given, teacher=(other,), out=tmp_path / "alone"))
    out = pseudo_label(replace(given, teacher=(*config.teacher, other), out=tmp_path / "labels"))
    assert [entry["id"] for entry in manifest_of(out)["unreadable"]] == ["photos/1", "photos/4"]
    first = [quality for index, quality in enumerate(Store(store).quality) if index not in (1, 4)]
    for got, one, two in zip(Store(out).quality, first, Store(alone).quality, strict=True):
        for name in ("flip_disagreement", "zeros"):
            assert got[name] == pytest.approx((one[name] + two[name]) / 2, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("others", [0, 1])
def test_pseudo_label__of_a_teacher_of_metres_is_refused(
    config: PseudoLabelConfig, tmp_path: Path, others: int
) -> None:
    path = tmp_path / "metric.safetensors"
    metric = replace(find_variant("tiny"), ceiling=20.0)
    save_network(path, "tiny", Network("tiny", variant=metric).state_dict(), about={}, variant=metric)
    with pytest.raises(LeadlineError, match=r"metric.safetensors predicts depth, .* without metres"):
        pseudo_label(replace(config, teacher=(*config.teacher[:others], path), out=tmp_path / "labels"))
    assert not (tmp_path / "labels").exists()


@pytest.mark.parametrize("side", [0, -5])
def test_pseudo_label_config__refuses_a_side_without_pixels(side: int) -> None:
    with pytest.raises(ValueError, match=f"short_side: at least 1 pixel, got .*{side}"):
        PseudoLabelConfig(short_side=(side,))


@pytest.mark.parametrize(("teachers", "sides"), [(0, ()), (1, (32, 32)), (3, (32, 64))])
def test_pseudo_label_config__refuses_sides_that_are_nobodys(teachers: int, sides: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one short side for all or one for each"):
        PseudoLabelConfig(teacher=(Path("a"),) * teachers, short_side=sides)


# ---------------------------------------------------------------- going on


def test_pseudo_label__stores_a_plain_jpeg_byte_for_byte_and_no_places_of_photographs(
    config: PseudoLabelConfig, tmp_path: Path
) -> None:
    photos, rough = tmp_path / "photos", np.random.default_rng(1).integers(0, 256, (40, 56, 3), np.uint8)
    photos.mkdir()
    plain, told = encode_jpeg(rough, quality=60), BytesIO()
    marks = Image.Exif()
    marks[ExifTags.Base.Orientation] = 6
    Image.fromarray(rough).save(told, "JPEG", exif=marks)
    (photos / "a.jpg").write_bytes(plain)
    (photos / "b.jpg").write_bytes(told.getvalue())
    (photos / "c.jpg").write_bytes(encode_jpeg(np.repeat(rough, 4, axis=0)))
    out = pseudo_label(replace(config, pictures=(str(photos),), stored_side=40, out=tmp_path / "labels"))
    with tarfile.open(out / "shard-000000.tar") as tar:
        a, b, c = (tar.extractfile(name).read() for name in tar.getnames() if name.endswith(".jpg"))  # type: ignore[union-attr]
    assert a == plain
    assert b"Exif" in told.getvalue()
    assert b"Exif" not in b
    assert [Size(*read_picture(jpeg).shape[:2]) for jpeg in (a, b, c)] == [(40, 56), (56, 40), (114, 40)]


def test_pseudo_label__a_restart_keeps_finished_shards_and_ends_the_same(
    store: Path, config: PseudoLabelConfig, tmp_path: Path
) -> None:
    again = replace(config, out=tmp_path / "labels")
    pseudo_label(again)
    assert contents(again.out) == contents(store)
    for name in ("shard-000001.json", "shard-000002.tar", "shard-000002.json", WORST):
        (again.out / name).unlink()  # as a kill while shard 1 was written would leave it
    manifest = manifest_of(again.out)
    manifest["complete"] = False
    opening = {key: manifest[key] for key in ("format", "complete", "about", "counts")}
    (again.out / MANIFEST).write_text(json.dumps(opening), encoding="utf-8")
    before = written(again.out)
    pseudo_label(again)
    after = written(again.out)
    assert contents(again.out) == contents(store)
    assert {name for name in before if before[name] == after[name]} == {
        "shard-000000.tar",
        "shard-000000.json",
    }


def test_pseudo_label__a_finished_store_needs_no_teacher_at_work(
    store: Path, config: PseudoLabelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any) -> Any:
        raise AssertionError("the network ran")

    before = contents(store)
    monkeypatch.setattr(Network, "forward", never)
    assert pseudo_label(replace(config, out=store)) == store
    assert contents(store) == before


@pytest.mark.parametrize(
    "change", [{"short_side": (64,)}, {"stored_side": 30}, {"flip_average": True}, {"shard": 2}]
)
def test_pseudo_label__a_store_of_other_settings_is_refused(
    change: dict[str, Any], store: Path, config: PseudoLabelConfig
) -> None:
    before = contents(store)
    with pytest.raises(LeadlineError, match="with other settings"):
        pseudo_label(replace(config, out=store, **change))
    assert contents(store) == before


def test_pseudo_label__a_dry_run_writes_nothing(
    config: PseudoLabelConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "labels"
    assert pseudo_label(replace(config, out=out, dry_run=True)) == out
    assert list(tmp_path.iterdir()) == []
    told = capsys.readouterr().err
    assert "looks at a short side of 32 pixels" in " ".join(told.split())
    assert "7 pictures to label: about " in told


def test_pseudo_label__a_disk_that_is_too_small_is_refused_before_anything_is_written(
    config: PseudoLabelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage)
    with pytest.raises(LeadlineError, match="would need 0 MB and the disk has 0 MB free"):
        pseudo_label(replace(config, batch=1, out=tmp_path / "labels"))
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- what cannot be read


def test_pseudo_label__below_the_limit_the_unreadable_are_listed_with_their_reason(
    store: Path, config: PseudoLabelConfig, photos: Path, tmp_path: Path
) -> None:
    spec = spoil(photos, tmp_path / "photos", 1, 4)
    out = pseudo_label(replace(config, pictures=(spec,), unreadable_limit=0.3, out=tmp_path / "labels"))
    manifest, labels = manifest_of(out), Store(out)
    assert manifest["count"] == 5
    assert [entry["id"] for entry in manifest["unreadable"]] == ["photos/1", "photos/4"]
    assert all(
        f"{n}.png cannot be read" in e["reason"] for n, e in zip((1, 4), manifest["unreadable"], strict=True)
    )
    assert [labels[index].id for index in range(5)] == [f"photos/{n}.png" for n in (0, 2, 3, 5, 6)]
    for index, number in enumerate((0, 2, 3, 5, 6)):  # the others are what they would have been
        one, other = labels[index].label, Store(store)[number].label
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one.values, other.values, atol=1e-4)


@pytest.mark.parametrize(("spoilt", "limit"), [((), 0), ((1, 4), 2 / 7)])
def test_pseudo_label__the_limit_may_be_reached(
    config: PseudoLabelConfig, photos: Path, tmp_path: Path, spoilt: tuple[int, ...], limit: float
) -> None:
    spec = spoil(photos, tmp_path / "photos", *spoilt)
    out = pseudo_label(replace(config, pictures=(spec,), unreadable_limit=limit, out=tmp_path / "labels"))
    assert manifest_of(out)["count"] == 7 - len(spoilt)


def test_pseudo_label__above_the_limit_it_stops_and_says_so(
    config: PseudoLabelConfig, photos: Path, tmp_path: Path
) -> None:
    spec = spoil(photos, tmp_path / "photos", 0, 3, 4)
    once = replace(config, pictures=(spec,), unreadable_limit=0.3, out=tmp_path / "labels")
    for _ in range(2):  # those of finished shards count again
        with pytest.raises(
            LeadlineError, match=r"3 of 7 pictures are unreadable, more than unreadable_limit = 0\.3"
        ):
            pseudo_label(once)
        assert manifest_of(once.out)["complete"] is False
    assert not (once.out / "shard-000002.tar").exists()
    pseudo_label(replace(once, unreadable_limit=0.5))
    assert manifest_of(once.out)["count"] == 4


def test_pseudo_label__without_pictures_it_asks_for_them(config: PseudoLabelConfig, tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="--pictures PATH"):
        pseudo_label(replace(config, pictures=(), out=tmp_path / "labels"))


@pytest.mark.parametrize("wrong", [{"shard": 0}, {"batch": 0}, {"stored_side": 0}, {"unreadable_limit": 2.0}])
def test_pseudo_label_config__refuses_what_cannot_label(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="shard, batch and stored_side are at least 1"):
        PseudoLabelConfig(**wrong)
