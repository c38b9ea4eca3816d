"""README and docs: short, whole, and true of what is here: what they name, from module to option, exists."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from nii.analysis.fields import Record, RegionRecord
from nii.io.write import write_tiff
from nii.model.detector import Detector
from nii.simulate.sets.generate import simulate_set

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "nii/models/*.md", "datasets/*.md", "serving/**/*.md", "seeds/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^[ >]*```(\w*)\n(.*?)^[ >]*```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(r"(?<![\w./-])(?:nii|training|serving)(?:\.[A-Za-z_]\w*)+(?![\w/])")
FILES = re.compile(r"(?<![\w./-])(?:docs|nii|training|serving|datasets|tests|seeds|\.ci|\.github)/[\w./*-]*")
FOLDERS = ("nii", "training", "serving")
ENDINGS = (".onnx", ".md", ".toml", ".json", ".html", ".py", ".tif")  # nii.onnx would be a file of a user's


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_of(page: Path) -> Iterator[str]:
    """What a page sets as code: each line of its blocks, each span of its text."""
    text = read(page)
    for _, block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from SPAN.findall(FENCE.sub("", text))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def resolves(name: str) -> bool:
    """Whether there is a module of that name, or something of that name in one; nothing is imported but packages."""
    parts = name.split(".")
    for used in range(len(parts), 0, -1):
        spec = find_spec(".".join(parts[:used])) if find_spec(parts[0]) and _importable(parts[:used]) else None
        if spec is not None:
            return used == len(parts) or _defines(Path(str(spec.origin)), parts[used:])
    return False


def _importable(parts: list[str]) -> bool:
    """Whether the packages above a module are there, without which find_spec raises."""
    folder = ROOT.joinpath(*parts[:-1])
    return len(parts) == 1 or folder.is_dir()


def _defines(module: Path, names: list[str]) -> bool:
    """Whether a module, or a class in it, defines or imports a name."""
    body = [
        node
        for outer in ast.parse(module.read_text(encoding="utf-8")).body
        for node in (outer.body if isinstance(outer, ast.If) else [outer])
    ]
    for number, name in enumerate(names):
        found = next((node for node in body if name in _names_in(node)), None)
        if found is None:
            return False
        if isinstance(found, ast.ImportFrom) and (rest := names[number + 1 :]):
            return resolves(".".join([str(found.module), name, *rest]))
        body = getattr(found, "body", [])
    return True


def _names_in(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


@cache
def program() -> typer.main.TyperCommand:
    """The program `nii` with the commands of training and serving."""
    from nii.cli import app

    for entry in entry_points(group="nii.commands"):
        if entry.name not in {command.name for command in app.registered_commands}:
            app.command(entry.name)(entry.load())
    return typer.main.get_command(app)


def words_of(line: str) -> list[str]:
    """A line of shell as words, without what follows a pipe, a redirection or a comment."""
    try:
        words = shlex.split(re.split(r"\s#|[|<]|>(?=\s|$)", line.removeprefix("$ "))[0])
    except ValueError:  # a quote of prose
        return []
    return words


def faults_of(line: str) -> Iterator[str]:
    """What a line that calls a program of ours says wrongly."""
    words = words_of(line)
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    if words[:2] == ["nii", "study"] and len(words) > 2 and not words[2].isupper():
        yield from _module_faults(f"nii.studies.{words[2]}", words[3:])
    elif words[:1] == ["nii"] and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
        yield from _command_faults(words[1:])
    elif words[:2] == ["python", "-m"] and words[2].split(".")[0] in FOLDERS:
        yield from _module_faults(words[2], words[3:])
    elif words[:1] == ["python"] and len(words) > 1 and words[1].endswith(".py") and "/" in words[1]:
        yield from _script_faults(ROOT / words[1], words[2:])
    elif words[:1] == ["make"] and len(words) > 1:
        targets = re.findall(r"^([\w-]+):", read(ROOT / "Makefile"), re.MULTILINE)
        yield from (f"make {word}" for word in words[1:] if word not in targets)


def _command_faults(words: list[str]) -> Iterator[str]:
    command = program()
    used = 0
    while hasattr(command, "commands"):
        if used == len(words):
            return
        if words[used] not in command.commands:
            yield f"nii {' '.join(words[: used + 1])}: no such command"
            return
        command = command.commands[words[used]]
        used += 1
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    for option in _options(words[used:]):
        if option not in known:
            yield f"nii {' '.join(words[:used])} {option}: no such option"


def _options(words: list[str]) -> list[str]:
    return [word.split("=")[0].rstrip(",;") for word in words if re.match(r"--[a-z]", word)]


def _module_faults(name: str, words: list[str]) -> Iterator[str]:
    if not resolves(name):
        yield f"python -m {name}: no such module"
        return
    yield from _script_faults(Path(str(find_spec(name).origin)), words)


def _script_faults(script: Path, words: list[str]) -> Iterator[str]:
    if not script.is_file():
        yield f"python {script.relative_to(ROOT)}: no such file"
        return
    text = read(script)
    if "__main__" not in text:
        yield f"{script.relative_to(ROOT)}: no program"
    for option in _options(words):
        name = option.removeprefix("--")
        if option not in text and name.replace("-", "_") not in text:
            yield f"{script.relative_to(ROOT)} {option}: no such option"


def test_the_readme_is_short():
    assert len(read(ROOT / "README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_modules_and_names_in_them_exist(page):
    wanted = {found for code in code_of(page) for found in DOTTED.findall(code) if not found.endswith(ENDINGS)}
    groups = {group for group in entry_points().groups if group.startswith("nii.")}
    assert sorted(name for name in wanted - groups if not resolves(name)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_and_folders_exist(page):
    wanted = {found.rstrip(".") for code in code_of(page) for found in FILES.findall(code)}
    assert sorted(path for path in wanted if not any(ROOT.glob(path.rstrip("/")))) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_exist(page):
    assert [fault for line in code_of(page) for fault in faults_of(line)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_extras_and_variables_exist(page):
    text = read(page)
    extras = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    assert set(re.findall(r"(?:\.|nii)\[(\w+)\]'", text)) <= set(extras)
    variables = set(re.findall(r"\bNII_[A-Z_]+\b", text))
    known = read(ROOT / "serving" / "settings.py")
    fields = {f"NII_{name.upper()}" for name in re.findall(r"^    (\w+): ", known, re.MULTILINE)}
    assert variables <= fields | {"NII_SHARED"}


def test_every_extra_stands_in_the_quickstart():
    extras = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    page = read(ROOT / "docs" / "quickstart.md")
    assert [name for name in extras if name != "dev" and f"'.[{name}]'" not in page] == []


def test_what_does_not_exist_is_seen():
    assert resolves("nii.io.read.read_scan")
    assert resolves("nii.model.contract.Contract.from_json")
    assert resolves("nii.Detector.load")
    assert not resolves("nii.io.read.no_such_function")
    assert not resolves("nii.Detector.no_such_method")
    assert not resolves("nii.no_such_package.module")
    assert not resolves("nii.model.contract.Contract.no_such_method")
    wrong = [
        "nii scores SCAN",
        "nii score SCAN --no-such-option",
        "$ nii scanner fitt A.csv B.csv",
        "python -m nii.no_such_module",
        "python -m nii.fit.naming --no-such-option 3",
        "nii study empty --no-such-option 3",
        "nii study chemistry",
        "python datasets/no_such_script.py OUT",
        "make coffee",
    ]
    assert [len(list(faults_of(line))) for line in wrong] == [1] * len(wrong)
    assert list(faults_of("nii score - --workers 16 --out table/ < list.txt  # --no-such-option")) == []


def rows_of(page: Path, heading: str) -> list[list[str]]:
    """Cells of the table rows of a page that begin with the heading's row."""
    lines = read(page).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(heading))
    table = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def test_the_tables_of_results_say_what_the_cards_say():
    table = rows_of(ROOT / "docs" / "results" / "detection.md", "| | cargo 0")
    model = ""
    for column, title in enumerate(table[0][1:], start=1):
        model = model if title == "the same" else title
        name, version = model.split()
        card = read(ROOT / "nii" / "models" / f"{name}.md")
        assert card.startswith(f"# Model card: {name} {version}\n")
        counts = [row[column] for row in table[1:] if re.fullmatch(r"\d+ of \d+|0\.\d+ \(.*\)", row[column])]
        assert len(counts) >= 5
        assert [count for count in counts if not re.search(_as_the_card_says(count), card)] == []


def _as_the_card_says(count: str) -> str:
    """Pattern of a count in a card, where two of them may share what they are of: "97 and 121 of 200"."""
    hits, _, of = count.partition(" of ")
    return rf"\b{hits}(?: and \d+)? of {of}\b" if of else re.escape(count)


def test_the_figures_of_the_readme_stand_in_the_results():
    results = read(ROOT / "docs" / "results" / "detection.md")
    table = rows_of(ROOT / "README.md", "| model ")
    figures = [cell for row in table[2:] for cell in row[1:] if re.search(r"\d+ of \d+|0\.\d+", cell)]
    assert len(figures) > 10
    for figure in figures:
        for part in re.findall(r"\d+ of \d+|0\.\d+ \([\d.-]+\)", figure):
            assert part in results, part


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    card = (tmp_path / "site" / "code" / "nii" / "models" / "cargo" / "index.html").read_text(encoding="utf-8")
    assert "missed.jpg" in card
    assert (tmp_path / "site" / "code" / "datasets" / "pictures" / "missed.jpg").is_file()


def test_no_page_is_listed_twice():
    pages = re.findall(r"docs/\S+\.md", read(ROOT / "mkdocs.yml").split("\nnav:")[1])
    assert sorted(set(pages)) == sorted(pages)


def test_every_command_has_its_line_in_the_reference():
    page = read(ROOT / "docs" / "reference" / "commands.md")
    missing = [name for name in program().commands if f"`nii {name}" not in page]
    assert missing == []


@pytest.mark.parametrize(("number", "of"), [(0, Record), (1, RegionRecord)])
def test_the_reference_lists_the_fields_of_a_record_and_no_others(number, of):
    page = read(ROOT / "docs" / "reference" / "record.md")
    table = page.split("| field | meaning |\n|---|---|\n")[number + 1].partition("\n\n")[0]
    listed = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(field.name for field in fields(of))


def example(name: str) -> Any:
    """An example of the docs as a module."""
    spec = spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_example_scores_a_folder_and_draws(tmp_path, capsys):
    (tmp_path / "scans").mkdir()
    for sample in sorted((ROOT / "datasets" / "samples").glob("[24]-*.tif")):
        shutil.copy(sample, tmp_path / "scans")
    write_tiff(tmp_path / "scans" / "even.tif", np.full((2, 64, 64), 0.5, np.float32), open_beam=60_000)
    example("score_folder").main(tmp_path / "scans", tmp_path / "p_values.png")
    rolls, parcel, even = capsys.readouterr().out.splitlines()
    decided = r"p 0\.\d+, (ALARM|clear) \[.*\]"
    assert re.fullmatch(rf"2-paper_rolls-frozen-other.tif: cargo [\d.]+, {decided}", rolls)
    assert re.fullmatch(rf"4-optics-medical-benign.tif: parcel [\d.]+, {decided}", parcel)
    assert re.match(r"even.tif: cargo [\d.]+, p None, no decision \[\]", even)
    height, width, _ = cv2.imread(str(tmp_path / "p_values.png")).shape
    assert width > height > 100


@pytest.mark.slow
def test_the_example_trains_a_calibrated_model(tmp_path, capsys):
    for _ in simulate_set("parcel", tmp_path / "own", scans=6, concealed=0.0, seed=5):
        pass
    model = example("train_on_your_own").main(tmp_path / "own" / "scans", tmp_path / "run")
    contract = Detector.load(model).contract
    assert (contract.name, contract.calibrations[0].n) == ("parcel", 2)
    assert f"{model}: calibrated by 2 scans" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "printed"),
    [
        ("README.md", r"(True|False) 0\.\d+ \[.*\]\n"),
        ("docs/quickstart.md", r"(True|False) 0\.\d+ \[.*\]\n"),
        ("docs/reference/python.md", r"(True|False) 0\.\d+ loaded\n"),
        ("docs/reference/model-file.md", ""),
    ],
)
def test_the_snippet_of_a_page_runs(page, printed, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    sample = next((ROOT / "datasets" / "samples").glob("2-*.tif"))
    (code,) = re.findall(r"```python\n(.*?)```", read(ROOT / page), re.DOTALL)
    exec(code.replace('"scan.tif"', repr(str(sample))), {})  # noqa: S102 - our own
    assert re.fullmatch(printed, capsys.readouterr().out)
