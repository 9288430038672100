"""The page stands on its own, shows text as text, and draws what can be drawn."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from leadline.app.report import curves, gallery, page, paragraph, section, table

NASTY = "<script>alert('x')</script> & \"quotes\""


class Reader(HTMLParser):
    """Collects elements with their attributes and the text, and checks that they nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def picture(grey: int = 100) -> np.ndarray:
    return np.full((6, 8, 3), grey, np.uint8)


def whole() -> str:
    return page(
        NASTY,
        [
            section(NASTY, paragraph(NASTY), table([NASTY, "b"], [[NASTY, "1"]])),
            gallery([NASTY, "map"], [(NASTY, [picture(), picture()])]),
            curves({NASTY: [(1, 2.0), (2, 1.0)]}, label=NASTY),
        ],
    )


def points(html: str) -> list[list[tuple[float, float]]]:
    found = []
    for tag, attributes in Reader(html).elements:
        if tag == "polyline":
            pairs = [place.split(",") for place in str(attributes["points"]).split()]
            found.append([(float(x), float(y)) for x, y in pairs])
    return found


def test_page__loads_nothing_from_anywhere() -> None:
    html = whole()
    for tag, attributes in Reader(html).elements:
        assert tag not in ("script", "link", "iframe", "object", "base")
        for name, value in attributes.items():
            assert name not in ("href", "srcset", "action", "onload")
            if name == "src":
                assert str(value).startswith("data:image/jpeg;base64,")
    assert not re.search(r"https?:|@import|url\(", html)


def test_page__shows_text_as_text() -> None:
    html = whole()
    assert "<script" not in html
    reader = Reader(html)
    assert (
        reader.text.count(NASTY) == 10
    )  # title twice, heading, text, two cells, column, caption, curve twice
    assert [a["alt"] for tag, a in reader.elements if tag == "img"] == [NASTY, NASTY]
    assert [a["aria-label"] for tag, a in reader.elements if tag == "svg"] == [NASTY]


def test_page__says_its_encoding_and_language() -> None:
    elements = dict(Reader(page("é", [])).elements[:2])
    assert page("é", []).startswith("<!doctype html>")
    assert elements["html"] == {"lang": "en"}
    assert ("meta", {"charset": "utf-8"}) in Reader(page("é", [])).elements


def test_table__has_a_header_and_a_row_for_each() -> None:
    html = table(["model", "error"], [["a", "1"], ["b", "2"]])
    assert re.findall(r"<t[hd]>(.*?)</t[hd]>", html) == ["model", "error", "a", "1", "b", "2"]
    assert (html.count("<tr>"), html.count("<th>"), html.count("<td>")) == (3, 2, 4)


def test_gallery__embeds_every_picture_in_its_place() -> None:
    html = gallery(
        ["left", "right"], [("first", [picture(0), picture(60)]), ("second", [picture(120), picture(200)])]
    )
    sources = [str(attributes["src"]) for tag, attributes in Reader(html).elements if tag == "img"]
    greys = []
    for source in sources:
        image = Image.open(BytesIO(base64.b64decode(source.partition(",")[2])))
        assert (image.format, image.size, image.mode) == ("JPEG", (8, 6), "RGB")
        greys.append(round(float(np.asarray(image).mean())))
    assert greys == pytest.approx([0, 60, 120, 200], abs=2)
    assert "repeat(2, 1fr)" in html
    assert html.index("left") < html.index("first") < html.index("second")


def test_curves__larger_is_higher_and_later_is_farther_right() -> None:
    ((first, second, third),) = points(curves({"loss": [(1, 100.0), (2, 10.0), (4, 1.0)]}, label="l"))
    assert first[0] < second[0] < third[0]
    assert first[1] < second[1] < third[1]  # SVG counts downwards
    assert second[1] - first[1] == pytest.approx(third[1] - second[1], abs=0.2)  # logarithmic
    assert third[0] - second[0] == pytest.approx(2 * (second[0] - first[0]), abs=0.2)


def test_curves__stay_inside_the_drawing_and_share_one_scale() -> None:
    lines = points(curves({"a": [(1, 1e-6), (50, 3.0)], "b": [(1, 2.0), (100, 1e4)]}, label="l"))
    assert len(lines) == 2
    for x, y in (place for line in lines for place in line):
        assert 50 <= x <= 590
        assert 20 <= y <= 230
    assert lines[0][1][1] < lines[1][0][1]  # 3 stands above 2


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_curves__leave_out_what_has_no_logarithm(wrong: float) -> None:
    clean = {"loss": [(1.0, 4.0), (3.0, 2.0)]}
    spoilt = {"loss": [(1.0, 4.0), (2.0, wrong), (3.0, 2.0)], "empty": [(1.0, wrong)]}
    assert curves(spoilt, label="l") == curves(clean, label="l")


@pytest.mark.parametrize("series", [{}, {"loss": []}, {"loss": [(1.0, 0.0), (2.0, float("nan"))]}])
def test_curves__say_so_where_nothing_can_be_drawn(series: dict[str, list[tuple[float, float]]]) -> None:
    assert curves(series, label="teacher's loss") == paragraph("teacher's loss: nothing to draw")


def test_curves__any_number_of_lines_can_be_drawn() -> None:
    html = curves({f"line {number}": [(1, 1.0), (2, 2.0)] for number in range(8)}, label="l")
    assert len(points(html)) == 8
    assert all(f">line {number}</text>" in html for number in range(8))


@pytest.mark.parametrize("line", [[(0.0, 1.0)], [(5.0, 2.0)], [(1.0, 2.0), (9.0, 2.0)]])
def test_curves__a_point_or_a_flat_line_can_be_drawn(line: list[tuple[float, float]]) -> None:
    (drawn,) = points(curves({"loss": line}, label="l"))
    assert len(drawn) == len(line)
    assert np.isfinite(drawn).all()
