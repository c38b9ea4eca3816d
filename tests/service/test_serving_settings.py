import pytest
from pydantic import ValidationError

from nii.errors import UsageError
from serving.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("NII_")]:
        monkeypatch.delenv(name)


def test_settings_come_from_the_environment_and_what_is_given_wins(monkeypatch):
    monkeypatch.setenv("NII_WAITING", "7")
    monkeypatch.setenv("NII_MODEL", "parcel")
    settings = load_settings(model="cargo")
    assert (settings.waiting, settings.model) == (7, "cargo")


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        load_settings().pfa = 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NII_PFA", "0"),
        ("NII_PFA", "nan"),
        ("NII_WORKERS", "-1"),
        ("NII_WAITING", "many"),
        ("NII_DEVICE", "abacus"),
        ("NII_MAX_PIXELS", "0"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=rf"^{name}: .*came '{value}'$"):
        load_settings()


def test_a_misspelt_setting_is_refused_not_ignored(monkeypatch):
    monkeypatch.setenv("NII_PFFA", "0.1")
    with pytest.raises(UsageError, match=r"^NII_PFFA: expected one of"):
        load_settings()


def test_kept_scans_need_a_store(monkeypatch, tmp_path):
    monkeypatch.setenv("NII_KEEP_SCANS", str(tmp_path))
    with pytest.raises(UsageError, match="NII_KEEP_SCANS needs NII_STORE"):
        load_settings()
