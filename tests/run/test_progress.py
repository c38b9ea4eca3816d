from types import SimpleNamespace

from nii.run.progress import watched


def test_plain_lines_say_rate_and_time_left_where_there_is_no_terminal(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 11.0, 12.0, 30.0])  # at the start, and after each scan
    monkeypatch.setattr("nii.run.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert list(watched("abcd", 54, "scans", done=50)) == list("abcd")
    assert capsys.readouterr().err.splitlines() == [
        "scans: 52 of 54, 0.182/s, time left 0:00:11",
        "scans: 54 of 54, 0.133/s, time left 0:00:00",
    ]


def test_short_work_says_nothing(capsys):
    assert list(watched([1, 2], 2, "scans")) == [1, 2]
    assert capsys.readouterr().err == ""
