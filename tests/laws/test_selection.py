"""What a person names is found once, and no two pictures share the name of their maps."""

from pathlib import Path

import pytest

from leadline.predict.selection import select_pictures


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def named(*arguments: str, results: str = "out") -> dict[str, str]:
    """Return picture -> name of its maps, both relative, and see that nothing was refused."""
    selected, problems = select_pictures(arguments, results=Path(results))
    assert problems == []
    assert all(one.path.is_absolute() for one in selected)
    return {one.path.relative_to(Path.cwd()).as_posix(): one.name for one in selected}


def test_select__a_picture_is_named_as_it_is_called_wherever_it_lies() -> None:
    touch("a.jpg", "deep/er/b.png")
    assert named("a.jpg", "deep/er/b.png") == {"a.jpg": "a", "deep/er/b.png": "b"}


def test_select__a_folder_gives_all_below_it_mirrored() -> None:
    touch("photos/a.jpg", "photos/x/b.JPG", "photos/x/notes.txt", "photos/.c.jpg")
    assert named("photos") == named("photos/") == {"photos/a.jpg": "a", "photos/x/b.JPG": "x/b"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", {"a.png": "a"}),
        ("photos/*.jpg", {"photos/b.jpg": "b"}),
        ("photos/**/*.jpg", {"photos/b.jpg": "b", "photos/x/c.jpg": "x/c"}),
        ("**/*.jpg", {"photos/b.jpg": "photos/b", "photos/x/c.jpg": "photos/x/c"}),
        ("photos/?.jpg", {"photos/b.jpg": "b"}),
        ("photos/[bc].*", {"photos/b.jpg": "b"}),
        ("phot*", {"photos/b.jpg": "photos/b", "photos/x/c.jpg": "photos/x/c"}),
        ("**", {"a.png": "a", "photos/b.jpg": "photos/b", "photos/x/c.jpg": "photos/x/c"}),
    ],
)
def test_select__a_pattern_the_shell_left_alone_is_expanded(pattern: str, expected: dict[str, str]) -> None:
    touch("a.png", "photos/b.jpg", "photos/x/c.jpg", "photos/b.txt", "notes.txt")
    assert named(pattern) == expected


def test_select__maps_of_other_predictions_are_no_pictures() -> None:
    touch("a.jpg", "small/predictions.json", "small/a.affine_disparity.png", "small/x/b.colour.jpg")
    touch("mine/c.colour.jpg")
    assert named(".") == {"a.jpg": "a", "mine/c.colour.jpg": "mine/c.colour"}


def test_select__a_file_whose_name_looks_like_a_pattern_is_that_file() -> None:
    touch("a[1].jpg", "a1.jpg")
    assert named("a[1].jpg") == {"a[1].jpg": "a[1]"}


def test_select__a_place_whose_name_looks_like_a_pattern_hides_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch("holiday [2024]/a.jpg")
    monkeypatch.chdir(home / "holiday [2024]")
    assert named("*.jpg") == {"a.jpg": "a"}
    assert named(".") == {"a.jpg": "a"}


def test_select__home_is_looked_up_in_quotes_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    touch("photos/a.jpg")
    assert named("~/photos") == named("~/photos/*.jpg") == {"photos/a.jpg": "a"}


def test_select__each_picture_counts_once_in_the_order_given(home: Path) -> None:
    touch("photos/a.jpg", "photos/b.jpg")
    again = ("photos/b.jpg", "photos", "photos/*.jpg", "./photos/../photos/a.jpg", str(home / "photos/a.jpg"))
    assert list(named(*again)) == ["photos/b.jpg", "photos/a.jpg"]


# Names


def test_names__follow_the_first_argument_that_means_the_picture() -> None:
    touch("p/x/a.jpg")
    assert named("p/x/a.jpg", "p") == {"p/x/a.jpg": "a"}
    assert named("p", "p/x/a.jpg") == {"p/x/a.jpg": "x/a"}


def test_names__keep_the_suffix_only_where_it_tells_two_apart() -> None:
    touch("p/a.jpg", "p/a.png", "p/b.jpg", "p/x/a.jpg")
    assert named("p") == {"p/a.jpg": "a.jpg", "p/a.png": "a.png", "p/b.jpg": "b", "p/x/a.jpg": "x/a"}


def test_names__one_that_keeps_its_suffix_meets_no_other() -> None:
    touch("p/a.jpg", "p/a.png", "p/a.jpg.png")
    assert named("p") == {"p/a.jpg": "a.jpg", "p/a.png": "a.png", "p/a.jpg.png": "a.jpg.png"}


def test_names__differ_in_more_than_the_case_of_letters() -> None:
    touch("p/A.jpg", "p/a.png")
    assert named("p") == {"p/A.jpg": "A.jpg", "p/a.png": "a.png"}


@pytest.mark.parametrize(
    "arguments", [("p", "q"), ("p/a.jpg", "q/a.jpg"), ("p/*.jpg", "q"), ("p/a.jpg", "q")]
)
def test_names__of_two_folders_with_the_same_pictures_say_which(arguments: tuple[str, ...]) -> None:
    touch("p/a.jpg", "q/a.jpg")
    assert named(*arguments) == {"p/a.jpg": "p/a", "q/a.jpg": "q/a"}


# What is left out, and what is told


def test_select__results_are_no_pictures(home: Path) -> None:
    touch("a.jpg", "depth/a.affine_disparity.png", "depth/a.colour.jpg", "depth/x/a.side-by-side.jpg")
    touch("depth/own.jpg")
    found = {"a.jpg": "a", "depth/own.jpg": "depth/own"}
    assert named(".", results="depth") == named("**", results="depth") == found
    assert named("depth/a.colour.jpg", results="depth") == {"depth/a.colour.jpg": "a.colour"}  # by its name


def test_select__results_beside_the_pictures_are_none_either() -> None:
    touch("p/a.jpg", "p/a.depth.png", "p/a.colour.jpg")
    assert named("p", results="p") == {"p/a.jpg": "a"}


def test_select__what_is_not_there_is_left_to_reading() -> None:
    touch("a.jpg")
    Path("broken.jpg").symlink_to("nowhere")
    assert named("gone.jpg", "broken.jpg", "a.jpg") == {
        "gone.jpg": "gone",
        "broken.jpg": "broken",
        "a.jpg": "a",
    }


@pytest.mark.parametrize("argument", ["*.heic", "empty", "empty/*", "nowhere/**/*.jpg"])
def test_select__what_holds_no_picture_is_told_and_the_rest_found(argument: str) -> None:
    touch("a.jpg", "b.heic")
    Path("empty").mkdir()
    selected, (problem,) = select_pictures([argument, "a.jpg"], results=Path("out"))
    assert [one.name for one in selected] == ["a"]
    assert problem.startswith(f"there are no pictures in {argument} (their names end in .bmp, ")
