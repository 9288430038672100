"""The predict command from pictures to files: whatever is bad is told, and nothing that was made is lost."""

import errno
import json
import os
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from leadline.cli import main
from leadline.data.files import read_picture
from leadline.models.checkpoints import load_network, save_network
from leadline.models.network import Network
from leadline.predict.formats import Format, read_prediction
from leadline.predict.predictor import Predictor
from leadline.predict.record import PREDICTIONS, Record
from leadline.stages.predict import PredictConfig, predict
from leadline.types import LeadlineError, Space
from miniature import varied_network

SHAPES = {"a.png": (40, 56), "b.png": (72, 40), "x/c.png": (40, 56), "x/d.png": (1, 1), "e.png": (20, 110)}


def save_picture(path: Path, shape: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rough = Image.fromarray(np.random.default_rng([*shape]).integers(0, 256, (5, 6, 3), dtype=np.uint8))
    rough.resize((shape[1], shape[0])).save(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "weights.safetensors"
    save_network(path, "tiny", varied_network().state_dict(), about={})
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, shape in SHAPES.items():
        save_picture(tmp_path / "photos" / name, shape)
    return tmp_path / "photos"


@pytest.fixture
def config(model: Path, photos: Path, tmp_path: Path) -> PredictConfig:
    return PredictConfig(
        pictures=(str(photos),), model=model, out=tmp_path / "depth", size=32, batch=2, format=("png",)
    )


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> Callable[[Space], None]:
    """Let the network's numbers mean something else."""
    return lambda space: monkeypatch.setattr(Network, "space", space)


def entries(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / PREDICTIONS).read_text(encoding="utf-8"))["pictures"]
    return found


def files(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def times(out: Path) -> dict[str, int]:
    return {name: (out / name).stat().st_mtime_ns for name in files(out) if name != PREDICTIONS}


# ---------------------------------------------------------------- what it writes


def test_predict__maps_are_the_predictors_and_mirror_the_folder(config: PredictConfig, photos: Path) -> None:
    out = predict(config)
    names = [name.removesuffix(".png") for name in sorted(SHAPES)]
    assert files(out) == sorted([PREDICTIONS, *(f"{name}.affine_disparity.png" for name in names)])
    predictor = Predictor(load_network(Path(config.model))[0], size=32)
    for name, shape in SHAPES.items():
        found = read_prediction((out / name).with_suffix(".affine_disparity.png"))
        expected = predictor(photos / name)
        assert found.space is expected.space is Space.AFFINE_DISPARITY
        assert found.values.shape == shape
        np.testing.assert_allclose(found.values, expected.values, atol=np.ptp(expected.values) / 65535 + 1e-5)


def test_predict__the_record_says_what_every_file_is(config: PredictConfig, photos: Path) -> None:
    out = predict(replace(config, format=get_args(Format), disagreement=True))
    entry = entries(out)["x/c"]
    assert entry["source"] == str(photos / "x/c.png")
    assert (entry["size"], entry["space"], entry["unit"]) == ([40, 56], "affine_disparity", "none")
    assert entry["model"]["network"] == "tiny"
    assert len(entry["model"]["weights"]) == 16
    about = {"sides": [32], "precision": "float32", "flip_average": False, "disagreement": True}
    assert entry["made"] == about
    assert sorted(entry["files"]) == [name for name in files(out) if name.startswith("x/c.")]
    assert len(entry["files"]) == len(get_args(Format)) + 2
    with Image.open(out / "x/c.affine_disparity.png") as image:
        text = image.info
    facts = entry["files"]["x/c.affine_disparity.png"]
    assert {"scale": float(text["scale"]), "offset": float(text["offset"])}.items() <= facts.items()


def test_predict__of_a_metric_model_is_in_metres(
    config: PredictConfig, metric: Callable[[Space], None]
) -> None:
    metric(Space.DEPTH)
    out = predict(config)
    assert (entries(out)["a"]["space"], entries(out)["a"]["unit"]) == ("depth", "metres")
    assert read_prediction(out / "a.depth.png").space is Space.DEPTH


def test_unit_metres__turns_disparity_around_and_sky_into_infinity(
    config: PredictConfig, metric: Callable[[Space], None], photos: Path
) -> None:
    metric(Space.DISPARITY)
    out = predict(replace(config, unit="metres", format=("npz", "png", "colour")))
    disparity = Predictor(load_network(Path(config.model))[0], size=32)(photos / "a.png").values
    found = read_prediction(out / "a.depth.npz")
    assert found.space is Space.DEPTH
    np.testing.assert_allclose(1 / found.values, disparity, atol=1e-5 * disparity.max())
    np.testing.assert_array_equal(np.isinf(read_prediction(out / "a.depth.png").values), disparity == 0)


@pytest.mark.parametrize("format", get_args(Format))
def test_unit_metres__affine_disparity_is_never_called_that(config: PredictConfig, format: Format) -> None:
    with pytest.raises(
        LeadlineError, match="affine disparity has no metres: its scale and shift are unknown"
    ):
        predict(replace(config, unit="metres", format=(format,)))
    assert not config.out.exists()


# ---------------------------------------------------------------- what is bad


def bad_pictures(folder: Path) -> dict[str, str]:
    """Write one bad picture of each kind, and return what is to be said about it."""
    folder.mkdir(parents=True)
    whole = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole, "PNG")
    png = whole.getvalue()
    header = b"IHDR" + (30_000).to_bytes(4, "big") * 2 + png[24:29]
    huge = png[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png[33:]
    (folder / "truncated.png").write_bytes(png[: len(png) // 2])
    (folder / "huge.png").write_bytes(huge)
    (folder / "empty.jpg").touch()
    (folder / "misnamed.jpg").write_text("this is a text file")
    (folder / "broken.jpg").symlink_to("nowhere")
    Image.fromarray(np.ones((4, 5), np.float32)).save(folder / "floats.tif")
    save_picture(folder / "narrow.png", (2, 200))
    return {
        "truncated.png": "cannot be read as a picture: ",
        "huge.png": "cannot be read as a picture: Image size (900000000 pixels) exceeds limit of 200000000",
        "empty.jpg": "cannot be read as a picture: it is empty",
        "misnamed.jpg": "cannot be read as a picture: its content is none of JPEG, PNG",
        "broken.jpg": "cannot be read as a picture: No such file or directory",
        "floats.tif": "cannot be read as a picture: it holds 32-bit numbers",
        "narrow.png": "a picture of 2x200 is too narrow",
    }


def test_predict__bad_pictures_are_all_told_at_the_end_and_the_good_ones_made(
    config: PredictConfig, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = bad_pictures(photos / "bad")
    (photos / "bad" / "folder.jpg").mkdir()
    save_picture(photos / "bad" / "folder.jpg" / "good.png", (9, 9))
    gone, pattern = str(tmp_path / "gone.jpg"), str(tmp_path / "*.webp")
    with pytest.raises(LeadlineError) as caught:
        predict(replace(config, pictures=(gone, str(photos), pattern)))
    first, *told = str(caught.value).splitlines()
    assert first == f"{len(reasons) + 2} could not be predicted:"
    for name, reason in reasons.items():
        (line,) = (line for line in told if str(photos / "bad" / name) in line)
        assert reason in line
    assert any(line.startswith(f"  {gone} cannot be read") for line in told)
    assert any(line.startswith(f"  there are no pictures in {pattern}") for line in told)
    assert len(told) == len(reasons) + 2
    assert f"{len(SHAPES) + 1} of {len(SHAPES) + 1 + len(reasons) + 1} pictures" in capsys.readouterr().err
    good = {name.removesuffix(".png") for name in SHAPES} | {"bad/folder.jpg/good"}
    assert {name.removeprefix("photos/") for name in entries(config.out)} == good


def test_predict__odd_pictures_are_good_ones(config: PredictConfig, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(folder / "deep.png")
    rgb.quantize(8).save(folder / "palette.gif")
    rgb.resize((1, 1)).save(folder / "pixel.png")
    rgb.save(folder / "turned.jpg", exif=turned)
    rgb.save(folder / "really_a_png.jpg", "PNG")
    out = predict(replace(config, pictures=(str(folder),), format=("npz", "side-by-side")))
    found = entries(out)
    assert {name: entry["size"] for name, entry in found.items()} == {
        "cmyk": [20, 30],
        "deep": [20, 30],
        "palette": [20, 30],
        "pixel": [1, 1],
        "turned": [30, 20],
        "really_a_png": [20, 30],
    }
    predictor = Predictor(load_network(Path(config.model))[0], size=32)
    for path in folder.iterdir():
        expected = predictor(read_picture(path)).values
        found_values = read_prediction(out / f"{path.stem}.affine_disparity.npz").values
        np.testing.assert_allclose(found_values, expected, atol=1e-5)


@pytest.mark.parametrize("arguments", [(), ("nothing*.png",), ("empty",)])
def test_predict__nothing_to_do_is_an_error(
    config: PredictConfig, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(
        LeadlineError, match="there is nothing to predict: name pictures, folders or patterns"
    ):
        predict(replace(config, pictures=arguments))
    assert not config.out.exists()


@pytest.mark.parametrize("wrong", [{"format": ()}, {"batch": 0}, {"size": 0}])
def test_config__what_means_nothing_is_refused(config: PredictConfig, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least"):
        replace(config, **wrong)


# ---------------------------------------------------------------- again


def test_predict__what_exists_is_not_made_again(
    config: PredictConfig, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = times(predict(config))
    record = (config.out / PREDICTIONS).read_bytes()
    save_picture(photos / "f.png", (30, 30))
    (config.out / "b.affine_disparity.png").unlink()
    capsys.readouterr()
    predict(config)
    after = times(config.out)
    changed = {name for name, time in after.items() if before.get(name) != time}
    assert changed == {"b.affine_disparity.png", "f.affine_disparity.png"}
    assert "2 of 6 pictures predicted" in capsys.readouterr().err
    assert {**json.loads(record)["pictures"], "f": entries(config.out)["f"]} == entries(config.out)


def test_predict__overwrite_makes_all_again(config: PredictConfig) -> None:
    before = times(predict(config))
    after = times(predict(replace(config, overwrite=True)))
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)


def test_predict__an_overwrite_that_is_stopped_leaves_no_map_that_is_recorded_otherwise(
    config: PredictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(config)
    first = times(config.out)
    monkeypatch.setattr(Record, "add", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        predict(replace(config, size=64, overwrite=True))
    monkeypatch.undo()
    assert first != times(config.out)
    predict(config)
    whole(config.out)
    for name, entry in entries(config.out).items():
        [(file, facts)] = entry["files"].items()
        with Image.open(config.out / Path(name).parent / Path(file).name) as stored:
            assert float(stored.info["scale"]) == facts["scale"]


def test_predict__a_name_too_long_for_its_map_stops_no_other(config: PredictConfig, photos: Path) -> None:
    long = photos / f"{240 * 'm'}.png"
    save_picture(long, (30, 30))
    config.out.mkdir()
    with pytest.raises(LeadlineError, match=r"1 could not .*\n  .*mm\.png: .* longer than 255 bytes"):
        predict(config)
    assert len(entries(config.out)) == len(SHAPES)


def test_predict__a_name_that_is_no_text_is_recorded(config: PredictConfig, photos: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        save_picture(photos / f"{name}.png", (30, 30))
    except OSError:
        pytest.skip("this file system takes no such name")
    predict(config)
    assert name in entries(config.out)
    before = times(config.out)
    predict(config)
    assert times(config.out) == before


def test_predict__another_format_joins_the_first(config: PredictConfig) -> None:
    before = times(predict(config))
    after = times(predict(replace(config, format=("png", "exr"))))
    assert before.items() <= after.items()
    assert set(entries(config.out)["a"]["files"]) == {"a.affine_disparity.png", "a.affine_disparity.exr"}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"size": 64}, "made"), ({"flip_average": True}, "made"), ({"precision": "bfloat16"}, "made")],
)
def test_predict__maps_made_otherwise_are_neither_skipped_nor_replaced_unasked(
    config: PredictConfig, change: dict[str, Any], field: str
) -> None:
    before = times(predict(config))
    with pytest.raises(LeadlineError, match=rf"was made otherwise: {field} is .*--overwrite"):
        predict(replace(config, **change))
    assert times(config.out) == before
    assert entries(predict(replace(config, overwrite=True, **change)))["a"][field] != {}


def test_predict__another_picture_of_the_same_name_is_not_taken_for_it(
    config: PredictConfig, tmp_path: Path
) -> None:
    predict(config)
    save_picture(tmp_path / "other" / "a.png", (9, 9))
    with pytest.raises(
        LeadlineError, match=r"a\.\* was made otherwise: source is .*photos/a.png, now .*other"
    ):
        predict(replace(config, pictures=(str(tmp_path / "other"),)))


def test_predict__results_beside_the_pictures_are_not_predicted(config: PredictConfig, photos: Path) -> None:
    beside = replace(config, out=photos, format=("png", "colour"))
    predict(beside)
    before = files(photos)
    predict(beside)
    assert files(photos) == before


# ---------------------------------------------------------------- what stops it


def whole(out: Path) -> None:
    """See that no file of a folder is half, and that the record names only what is there."""
    for name in files(out):
        assert not Path(name).name.startswith("."), name
        if name.endswith(".png"):
            read_prediction(out / name)
    if (out / PREDICTIONS).exists():
        for entry in entries(out).values():
            assert all((out / name).exists() for name in entry["files"])


def test_full_disk__stops_with_its_name_and_leaves_nothing_half(
    config: PredictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.fsync, []

    def fsync(number: int) -> None:
        written.append(number)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(LeadlineError, match=r"cannot write .*depth/.*: No space left on device"):
        predict(config)
    whole(config.out)
    assert len(files(config.out)) == 2
    monkeypatch.undo()
    predict(config)
    whole(config.out)
    assert len(entries(config.out)) == len(SHAPES)


def test_interruption__keeps_what_was_made_and_the_rest_follows(
    config: PredictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = Predictor.maps

    def maps(self: Predictor, prepared: Any) -> Any:
        seen.append(len(prepared))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(self, prepared)

    monkeypatch.setattr(Predictor, "maps", maps)
    with pytest.raises(KeyboardInterrupt):
        predict(config)
    monkeypatch.undo()
    whole(config.out)
    made = set(entries(config.out))
    assert 0 < len(made) < len(SHAPES)
    before = times(config.out)
    predict(config)
    assert before.items() <= times(config.out).items()
    assert len(entries(config.out)) == len(SHAPES)


def test_kill__what_the_record_does_not_name_is_made_again(config: PredictConfig) -> None:
    predict(config)
    (config.out / PREDICTIONS).unlink()
    Record(config.out).begin(times(config.out))  # as is written before the first map
    (config.out / "x" / ".0123456789abcdef.4194304.tmp").write_bytes(b"half")
    predict(config)
    whole(config.out)
    assert len(entries(config.out)) == len(SHAPES)


def test_predict__the_folder_is_known_for_one_of_predictions_before_its_first_map(
    config: PredictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode_nothing(*_: object, **__: object) -> list[object]:
        assert Record(config.out).strange("b", ["b.affine_disparity.png"]) == []
        raise KeyboardInterrupt

    monkeypatch.setattr("leadline.stages.predict.encode", encode_nothing)
    with pytest.raises(KeyboardInterrupt):
        predict(config)


def test_predict__a_file_of_somebody_else_is_not_taken_for_a_map(config: PredictConfig, photos: Path) -> None:
    """A picture's own depth may lie beside it under the very name of our map."""
    config = replace(config, out=photos)
    own = photos / "x" / "c.affine_disparity.png"
    own.write_bytes(b"mine")
    with pytest.raises(LeadlineError, match=r"x/c\.affine_disparity\.png stands there already.*--overwrite"):
        predict(config)
    assert own.read_bytes() == b"mine"
    assert files(photos) == sorted([*SHAPES, "x/c.affine_disparity.png"])
    predict(replace(config, pictures=(str(photos / "a.png"),)))
    with pytest.raises(LeadlineError, match=r"x/c\.affine_disparity\.png stands there already"):
        predict(config)
    assert own.read_bytes() == b"mine"
    predict(replace(config, overwrite=True))
    assert read_prediction(own).values.shape == SHAPES["x/c.png"]


@pytest.mark.parametrize("shape", [SHAPES["b.png"], (30, 30)], ids=["same-size", "other-size"])
def test_predict__a_picture_that_has_changed_is_predicted_again_and_no_other(
    shape: tuple[int, int], config: PredictConfig, photos: Path
) -> None:
    predict(replace(config, format=("png", "npz")))
    before = times(config.out)
    Image.new("RGB", shape[::-1], "teal").save(photos / "b.png")
    predict(config)
    after = times(config.out)
    assert {name for name in after if after[name] != before[name]} == {"b.affine_disparity.png"}
    map = read_prediction(config.out / "b.affine_disparity.png")
    expected = Predictor(load_network(Path(config.model))[0], size=32)(photos / "b.png")
    np.testing.assert_allclose(map.values, expected.values, atol=1e-3)
    assert entries(config.out)["b"]["size"] == list(shape)
    predict(replace(config, format=("npz",)))  # it stands there, of the picture before
    assert set(entries(config.out)["b"]["files"]) == {"b.affine_disparity.png", "b.affine_disparity.npz"}
    now = read_prediction(config.out / "b.affine_disparity.npz")
    np.testing.assert_allclose(now.values, expected.values, atol=1e-3)


def test_predict__a_record_that_does_not_know_the_file_still_counts(config: PredictConfig) -> None:
    """Folders of earlier versions are not made again."""
    predict(config)
    record = json.loads((config.out / PREDICTIONS).read_text(encoding="utf-8"))
    for entry in record["pictures"].values():
        for facts in entry["files"].values():
            del facts["of"]
    (config.out / PREDICTIONS).write_text(json.dumps(record), encoding="utf-8")
    before = times(config.out)
    predict(config)
    assert times(config.out) == before


def test_predict__an_overwrite_that_cannot_read_a_picture_leaves_its_map_ours(
    config: PredictConfig, photos: Path
) -> None:
    predict(config)
    (photos / "b.png").write_bytes(b"")
    with pytest.raises(LeadlineError, match="1 could not be predicted"):
        predict(replace(config, overwrite=True))
    save_picture(photos / "b.png", SHAPES["b.png"])
    predict(config)
    whole(config.out)
    assert "unfinished" not in json.loads((config.out / PREDICTIONS).read_text(encoding="utf-8"))


def test_predict__formats_that_an_overwrite_left_out_are_made_again(config: PredictConfig) -> None:
    predict(replace(config, format=("png", "npz")))
    predict(replace(config, size=64, overwrite=True))
    predict(replace(config, size=64, format=("npz",)))
    assert all(len(entry["files"]) == 2 for entry in entries(config.out).values())
    before = (config.out / PREDICTIONS).stat().st_mtime_ns
    predict(replace(config, size=64))
    assert (config.out / PREDICTIONS).stat().st_mtime_ns == before  # nothing to do, nothing to write


def test_predict__one_name_that_cannot_be_looked_at_stops_no_other(
    config: PredictConfig, photos: Path
) -> None:
    odd = ("~nobody-of-that-name/a.jpg", "a" * 300, "", str(photos / ("b" * 300) / "*.jpg"))
    with pytest.raises(LeadlineError, match="4 could not be predicted") as raised:
        predict(replace(config, pictures=(*odd, str(photos / "b.png"))))
    assert "nobody-of-that-name" in str(raised.value)
    assert "File name too long" in str(raised.value)
    assert "an empty name means no picture" in str(raised.value)
    assert set(entries(config.out)) == {"b"}


def test_predict__a_folder_that_cannot_be_read_stops_no_other(
    config: PredictConfig, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def locked(path: Any) -> Any:
        if Path(path).name == "x":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(LeadlineError, match=r"cannot list the pictures of .*/x: Permission denied"):
        predict(config)
    assert set(entries(config.out)) == {"a", "b", "e"}


def test_run__reads_only_so_far_ahead(
    config: PredictConfig, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory depends on the batch, not on the number of pictures."""
    held, most = 0, 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal held
            held -= 1

    def prepare(self: Predictor, image: np.ndarray) -> np.ndarray:
        nonlocal held, most
        held += 1
        most = max(most, held)
        return np.zeros((32, 32, 3), np.uint8).view(Counted)

    monkeypatch.setattr(Predictor, "prepare", prepare)
    for number in range(40):
        save_picture(photos / f"more-{number}.png", (8, 8))
    predict(config)
    assert most <= 6 * config.batch + 3  # read ahead, in the network, and behind it


# ---------------------------------------------------------------- as a command


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    def runner(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["leadline", "predict", *arguments])
        code = main()
        return code, capsys.readouterr().err

    return runner


def test_command__exit_code_tells_whether_all_went_well(
    run: Callable[..., tuple[int, str]], photos: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--model", str(model), "--out", str(tmp_path / "depth"), "--size", "32")
    formats = ("--format", "png", "npz", "colour")
    code, err = run(str(photos), str(photos / "*.png"), *options, *formats)
    assert code == 0
    assert "5 of 5 pictures predicted" in err
    (photos / "bad.jpg").touch()
    code, err = run(str(photos), *options, *formats)
    assert code == 1
    assert err.endswith(
        "leadline predict: 1 could not be predicted:\n"
        f"  {photos / 'bad.jpg'} cannot be read as a picture: it is empty\n"
    )
    assert "Traceback" not in err
