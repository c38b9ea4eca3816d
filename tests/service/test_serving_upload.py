import pytest

from serving.problems import Problem
from serving.upload import DICOM, JSON, LAYERS, PNG, UploadMemory, clean_name, wanted_answer


def test_requests_together_hold_no_more_than_the_limit_and_give_back_what_they_held():
    held = UploadMemory(100)
    with held.share() as first:
        first(60)
        with held.share() as second:
            second(30)
            with pytest.raises(Problem) as refused:
                second(30)
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "2")
        assert held.now == 60
    assert held.now == 0


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("image/png", PNG),
        ("image/*", PNG),
        ("application/dicom", DICOM),
        ("multipart/form-data", LAYERS),
        ("text/html, image/png;q=0.8, application/json;q=0.9", JSON),
        ("image/png;q=0, application/dicom;q=0.1", DICOM),
    ],
)
def test_the_answer_is_of_the_type_that_the_client_likes_best(accept, wanted):
    assert wanted_answer(accept) == wanted


@pytest.mark.parametrize("accept", ["text/html", "image/jpeg", "image/png;q=0", "application/json;q=x"])
def test_a_type_that_cannot_be_given_is_406(accept):
    with pytest.raises(Problem) as refused:
        wanted_answer(accept)
    assert refused.value.status == 406


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("scan.tif", "scan.tif"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\a.tif", "a.tif"),
        ("a,b.png", "a_b.png"),
        ("line\nbreak\x00.tif", "line_break_.tif"),
        ("/", "scan"),
        (None, "scan"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_file_name_is_made_harmless(given, clean):
    assert clean_name(given) == clean
