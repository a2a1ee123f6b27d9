"""The pictures of the documentation show what the commands print now."""

import sys

import pytest

from debian_host import REPOSITORY
from tutorial_host import program

PICTURES = REPOSITORY / "docs" / "pictures"
sys.path.insert(0, str(PICTURES))

import make  # noqa: E402


@pytest.mark.parametrize("name", make.PICTURES)
def test_a_picture_is_up_to_date(name):
    picture = (PICTURES / f"{name}.svg").read_text()
    expected = make.squeezed(make.plain(make.transcript(name, program())))
    assert make.shown(picture) == expected, "docs/pictures/make.py makes it again"


@pytest.mark.parametrize("name", make.PICTURES)
def test_a_picture_fetches_nothing(name):
    text = (PICTURES / f"{name}.svg").read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text and "url(" not in text.replace("url(#", "")
