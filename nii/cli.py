"""The command line: arguments in, one function of the library each, messages and exit codes out.

Exit codes: 0 done, 1 some inputs failed (the rest is done) or an output could no longer be written (what came before
is kept), 2 wrong usage. Commands of the folders `training` and `serving` join through the entry points "nii.commands",
so that `nii` imports neither.
"""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nii.errors import NiiError, OutputError, UsageError
from nii.names import printable
from nii.run.progress import bar, watched
from nii.studies import STUDIES

if TYPE_CHECKING:
    from nii.workers import Crew

app = typer.Typer(
    help="Finds what is concealed in X-ray scans of cargo, vehicles and parcels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
scanner_app = typer.Typer(help="Physics of a scanner.", no_args_is_help=True)
app.add_typer(scanner_app, name="scanner")

Model = Annotated[str | None, typer.Option(help="Name of a shipped model, or a path. Default: by the kind of scan.")]
Pfa = Annotated[float, typer.Option(help="False-alarm budget: share of benign scans that may alarm.")]
Threads = Annotated[int, typer.Option(help="Threads of one inference; 0: all cores.")]


@app.command()
def score(
    scans: Annotated[list[str], typer.Argument(help="Files, pairs low.png,high.png, folders, globs; - for a list.")],
    model: Model = None,
    pfa: Pfa = 0.01,
    unseen: Annotated[
        float | None, typer.Option(help="Share of the load that may be opaque; by default what is usual for its kind.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Table of records: .parquet, .jsonl or .csv; without ending: a folder of parts.")
    ] = None,
    overlays: Annotated[Path | None, typer.Option(help="Folder for pictures and a page of them.")] = None,
    tdr: Annotated[Path | None, typer.Option(help="Folder for DICOS threat detection reports.")] = None,
    declared: Annotated[
        str | None, typer.Option(help="Declared goods: HS codes or words, mass, consignee; for all scans.")
    ] = None,
    registry: Annotated[Path | None, typer.Option(help="Registered pill presses: CSV, see --declared.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Dask cluster, or local for one on this machine.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; more than one: each with one thread unless --threads.")] = 1,
    threads: Threads = 0,
) -> None:
    """Score scans: where something is concealed, how sure, at the false-alarm budget.

    A run with --out that was interrupted goes on when it is called again. An --out without ending is a folder
    of Parquet parts.
    """
    from nii.analysis.declared.check import question
    from nii.analysis.seen.answer import check_limit
    from nii.io.lists import read_list
    from nii.io.outputs import check_apart, prepare_folder
    from nii.run.batch import BatchSettings, Run, Sources, expand
    from nii.run.gallery import write_page
    from nii.run.parts import check_out

    if registry is not None and declared is None:
        raise UsageError("--registry: expected with --declared, came alone")
    question(declared, registry)
    check_limit(unseen)
    check_at_least_one("--workers", workers)
    inputs: list[str | Path] = [*scans, *(path for path in (model, registry) if path is not None)]
    check_apart({"--out": out}, inputs)
    for option, folder in (("--overlays", overlays), ("--tdr", tdr)):  # these two may share a folder
        check_apart({"--out": out, option: folder})
    if out is not None:
        check_out(out)
    for folder in filter(None, (overlays, tdr)):
        prepare_folder(folder)
    listed = read_list(sys.stdin.buffer) if scans == ["-"] else scans
    alone = workers == 1 and cluster is None
    settings = BatchSettings(
        model=model,
        pfa=pfa,
        unseen=unseen,
        threads=threads or int(not alone),
        overlays=overlays,
        tdr=tdr,
        declared=declared,
        registry=registry,
    )
    tally = Tally(keep=overlays is not None)
    with Sources(expand(listed)) as sources:
        table = Run(sources, settings, out)
        for row in table.earlier():
            tally.add(row)
        if table.done:
            say(f"{table.done} of {sources.count} scans were scored before")
        with crew_of(workers, cluster) as crew:
            for row in watched(table.rest(crew), sources.count, "scans", done=table.done):
                tally.add(row)
                say(line_of(row))
        changed = [state.line() for state in table.drift.states() if state.drifted]
        if overlays is not None:
            write_page(overlays, list(zip(table.names(), tally.kept, strict=True)), changed)
    say(tally.line())
    for line in changed:
        say(line)
    if tally.failed:
        raise typer.Exit(1)


@contextmanager
def crew_of(workers: int, cluster: str | None) -> "Iterator[Crew | None]":
    """Who scores: a Dask cluster, several processes, or (None) this one."""
    if cluster is not None:
        from nii.workers import dask_cluster

        with dask_cluster(cluster, workers) as crew:
            yield crew
    elif workers > 1:
        from nii.workers import processes

        yield processes(workers)
    else:
        yield None


@dataclass
class Tally:
    """Counts of records; keep: hold the records too, for a page of them."""

    keep: bool
    scans: int = 0
    alarms: int = 0
    undecided: int = 0
    unseen: int = 0
    failed: int = 0
    kept: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Count one."""
        from nii.analysis.record import decision

        self.scans += 1
        self.alarms += bool(row["alarm"])
        if row["status"] == "ok":
            said = decision(row)
            self.undecided += said == "no decision"
            self.unseen += said == "not seen through"
        self.failed += row["status"] == "error"
        if self.keep:
            self.kept.append(row)

    def line(self) -> str:
        """All of them in one line."""
        without = self.scans - self.alarms - self.undecided - self.unseen - self.failed
        unseen = f"{self.unseen} not seen through, " if self.unseen else ""
        undecided = f"{self.undecided} undecided, " if self.undecided else ""
        return f"{self.scans} scans: {self.alarms} alarms, {without} without, {unseen}{undecided}{self.failed} failed"


@app.command()
def evaluate(
    scan_set: Annotated[Path, typer.Argument(metavar="SET", help="A scan set: annotations.json or the MVTec layout.")],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, report.html and the tables.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Name of a shipped model, or a path; two of them are compared.")
    ] = None,
    pfa: Annotated[str, typer.Option(help="Budgets at which Pd is reported.")] = "0.001,0.01,0.05",
    threads: Threads = 0,
) -> None:
    """Measure detection on a scan set and write the report; two models are put side by side."""
    from nii.evaluate.run import finish, finish_pair, prepare, run
    from nii.io.outputs import check_apart, prepare_folder

    models: list[str | None] = list(model) if model else [None]
    if len(models) > 2:
        raise UsageError(f"--model: expected one model or two, came {len(models)}")
    budgets, command = tuple(numbers(pfa, "--pfa")), "nii " + " ".join(sys.argv[1:])
    check_apart({"--out": out}, [scan_set])
    prepare_folder(out)
    pair = [prepare(scan_set, name, budgets, threads) for name in models]
    results = [list(watched(run(one), len(one.scans.entries), "scans")) for one in pair]
    if len(pair) == 2:
        figures = finish_pair(pair, results, out, command)
        areas = figures["auroc"] or {"a": None, "b": None}
        say(f"AUROC a {shown(areas['a'])}, b {shown(areas['b'])}; comparison in {out / 'report.html'}")
    else:
        figures = finish(pair[0], results[0], out, command)
        say(f"AUROC {shown(figures['auroc'])}; report in {out / 'report.html'}")
    errors = {result.error: None for found in results for result in found if result.error}
    for error in errors:
        complain(error)
    if errors:
        raise typer.Exit(1)


@app.command()
def calibrate(
    model: Annotated[str, typer.Argument(help="Name of a shipped model, or a path.")],
    benign: Annotated[list[str], typer.Argument(help="Benign scans: files, folders, globs.")],
    out: Annotated[Path, typer.Option(help="The calibrated model.")],
    scanner: Annotated[str | None, typer.Option(help="From and for scans that carry this scanner name only.")] = None,
    pfa: Annotated[float | None, typer.Option(help="Refuse unless the scans support this budget.")] = None,
    threads: Threads = 0,
) -> None:
    """Set a model's operating points for a scanner from benign scans of it."""
    from nii.fit.calibrate import benign_scans, calibrated, left_out, score_benign, write_model
    from nii.io.outputs import check_apart, prepare_file
    from nii.model.detector import Detector
    from nii.stats.operating_point import budgets, check_pfa

    if pfa is not None:
        check_pfa(pfa)
    check_apart({"--out": out}, [model, *benign])
    prepare_file(out)
    detector, scans = Detector.load(model, threads=threads), benign_scans(benign)
    outcomes = list(watched(score_benign(detector, scans, scanner), len(scans), "scans"))
    for outcome in outcomes:
        if outcome.error:
            complain(outcome.error)
    contract = calibrated(detector.contract, outcomes, scanner=scanner, name=None)
    made = contract.calibrations[-1]
    if pfa is not None:
        made.threshold(pfa)
    write_model(model, contract, out)
    say(f"{out}: calibration '{made.name}' from {made.n} benign scans; {budgets(made.n)}")
    if others := left_out(outcomes):
        say(f"left out: {others}")
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def fit(
    model: Annotated[str, typer.Argument(help="Name of a shipped model, or a path.")],
    benign: Annotated[
        list[str], typer.Argument(help="Benign scans of it: files, folders, globs, sets (`nii findings`).")
    ],
    out: Annotated[Path, typer.Option(help="The fitted model; its report beside it: .html, .json.")],
    scanner: Annotated[str | None, typer.Option(help="From scans that carry this scanner name only.")] = None,
    pfa: Annotated[float | None, typer.Option(help="Refuse unless the scans support this budget.")] = None,
    train: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Train the network on the site's scans first (needs torch).")
    ] = None,
    threads: Threads = 0,
) -> None:
    """Fit a model to a site from benign scans of it: its judge, and its operating points."""
    from nii.fit.calibrate import left_out
    from nii.fit.site import Request, fit_site
    from nii.io.outputs import check_apart, prepare_file

    check_apart({"--out": out}, [model, *benign])
    prepare_file(out)
    asked = Request(
        model=model, benign=tuple(benign), out=out, scanner=scanner, pfa=pfa, minutes=train, threads=threads
    )
    outcomes, lines = fit_site(asked)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    for error in errors:
        complain(error)
    say(f"{out} and its report {out.with_suffix('.html')}: {lines[0]}")
    for line in lines[1:]:
        say(line)
    if others := left_out(outcomes):
        say(f"left out: {others}")
    if errors:
        raise typer.Exit(1)


@app.command()
def compare(
    before: Annotated[str, typer.Argument(help="Earlier passage: a scan, or a pair low.png,high.png.")],
    after: Annotated[str, typer.Argument(help="Later passage of the same conveyance.")],
    pfa: Annotated[float, typer.Option(help="False-alarm budget: share of unchanged pairs that may alarm.")] = 0.01,
    out: Annotated[Path | None, typer.Option(help="The answer as JSON.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="A PNG picture of the later scan and what differs.")] = None,
) -> None:
    """Was the conveyance itself changed between two passages? Its goods may be others."""
    import json

    from nii.compare.changes import find_changes
    from nii.compare.picture import picture
    from nii.io.columns import as_json
    from nii.io.outputs import check_apart, prepare_file
    from nii.io.read import read_scan
    from nii.io.write import write_atomically
    from nii.names import printable
    from nii.show.overlay import png

    check_apart({"--out": out, "--overlay": overlay}, [before, after])
    for path in filter(None, (out, overlay)):
        prepare_file(path)
    scans = read_scan(before), read_scan(after)
    found = find_changes(*scans, pfa=pfa)
    if out is not None:
        told = {"before": printable(before), "after": printable(after), **as_json(found.to_record())}
        write_atomically(out, f"{json.dumps(told, indent=1)}\n".encode())
    if overlay is not None:
        write_atomically(overlay, png(picture(scans[1], found)))
    say(found.line())


@app.command()
def info(
    scan: Annotated[str, typer.Argument(help="A scan, or a pair low.png,high.png.")],
    phantom: Annotated[bool, typer.Option("--phantom", help="Read the figures of a test phantom.")] = False,
) -> None:
    """Header, energies, air level and quality of a scan, as JSON."""
    import json

    from nii.show.info import describe

    say(json.dumps(describe(scan, phantom=phantom), indent=1))


@app.command()
def simulate(
    kind: Annotated[str, typer.Argument(help="cargo, vehicle, parcel, or phantom for a test phantom.")],
    out: Annotated[Path, typer.Argument(help="Folder of the new scan set.")],
    scans: Annotated[int, typer.Option(help="Number of scans.")] = 100,
    concealed: Annotated[float, typer.Option(help="Share of scans with a concealment.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Same seed, same scans; different seeds share none.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    operator_images: Annotated[
        bool, typer.Option("--operator-images", help="Pseudo-colour JPEG in place of 16-bit transmission.")
    ] = False,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out", help="Cargo of loads, conveyances and scanners that training lacks: to validate on."
        ),
    ] = False,
    unlisted: Annotated[
        float,
        typer.Option(
            help="Share of loads of no kind: things and arrangements drawn freely; parcels of dozens of things."
        ),
    ] = 0.0,
) -> None:
    """Simulate a scan set with exact truth."""
    from nii.simulate.sets.generate import simulate_set
    from nii.simulate.sets.phantom_scans import simulate_phantoms

    if (out / "annotations.json").is_file():
        raise UsageError(f"{out}: expected no finished scan set there, came one; choose another folder")
    if kind == "phantom" and operator_images:
        raise UsageError("--operator-images: expected with cargo, vehicle or parcel, came with phantom")
    if kind == "phantom" and held_out:
        raise UsageError("--held-out: expected with cargo, came with phantom")
    if kind == "phantom" and unlisted:
        raise UsageError("--unlisted: expected with cargo, vehicle or parcel, came with phantom")
    done = 0
    with bar("scans", scans) as progress:
        made = (
            simulate_phantoms(out, scans=scans, seed=seed)
            if kind == "phantom"
            else simulate_set(
                kind,
                out,
                scans=scans,
                concealed=concealed,
                seed=seed,
                workers=workers,
                operator_images=operator_images,
                held_out=held_out,
                unlisted=unlisted,
            )
        )
        try:
            for done in made:
                progress(done)
        except KeyboardInterrupt:
            complain(f"nii: {out}: interrupted; the same command goes on where this one stopped")
            raise typer.Exit(130) from None
    say(f"{out}: {done} scans of kind {kind}, seed {seed}")


@app.command()
def bench(
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a path.")] = "cargo",
    size: Annotated[str, typer.Option(help="Rows x columns of the scan.")] = "432x1088",
) -> None:
    """Measure this machine: milliseconds by stage, scans per second, share of its arithmetic peak, by threads."""
    from nii.run.bench import arithmetic, parse_size
    from nii.run.bench import bench as measured

    shape = parse_size(size)
    gflop = arithmetic(model, shape)
    mpx = shape[0] * shape[1] / 1e6
    say(f"{model}, scan {size} ({mpx:.2f} Mpx): network {gflop:.2f} GFLOP ({gflop / mpx:.1f} per Mpx); best of several")
    say("threads   read ms  infer ms  regions ms  write ms   scans/s   matrix product GFLOP/s   network's share of it")
    for speed in measured(model, shape):
        read, infer, regions, write = (speed.milliseconds[name] for name in ("read", "infer", "regions", "write"))
        say(
            f"{speed.threads:7d}{read:10.1f}{infer:10.1f}{regions:12.1f}{write:10.1f}{speed.scans_per_second:10.2f}"
            f"{speed.peak:25.0f}{100 * speed.share:22.0f} %"
        )


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def study(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(STUDIES)}.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Of the study; -h tells them.")] = None,
) -> None:
    """Make a standard that ships, or measure a figure that the documentation claims."""
    from importlib import import_module

    if name not in STUDIES:
        raise UsageError(f"nii study: expected one of {', '.join(STUDIES)}, came {name}")
    import_module(f"nii.studies.{name}").main(arguments or [])


@scanner_app.command("fit")
def scanner_fit(
    spectra: Annotated[Path, typer.Argument(help="Photons per bin and detector response.")],
    steps: Annotated[Path, typer.Argument(help="Attenuation of steps of known material.")],
    check: Annotated[Path | None, typer.Option(help="Further measurements to check the fit on.")] = None,
    out: Annotated[Path | None, typer.Option(help="The calibrated scanner as JSON.")] = None,
) -> None:
    """Calibrate the physics to a scanner from steps of known material."""
    import json

    from nii.io.outputs import check_apart, prepare_file
    from nii.io.write import write_atomically
    from nii.physics.scanner_file import fit_files

    check_apart({"--out": out}, filter(None, (spectra, steps, check)))
    if out is not None:
        prepare_file(out)
    fitted, text = fit_files(spectra, steps, check)
    if out is not None:
        write_atomically(out, text.encode())
    say(json.dumps(fitted))


def line_of(record: dict[str, Any]) -> str:
    """One line a scan, for people."""
    if record["status"] == "error":
        return f"error  {record['error']}"
    from nii.analysis.record import decision

    said = decision(record)
    first = record["regions"][0] if record["regions"] else None
    where = f"  {first['family']} at {first['box']}" if first else ""
    p_value = f"  p {record['p_value']:.3g}" if record["p_value"] is not None else ""
    declared = f"  {record['declared']['answer']}" if record["declared"] else ""
    return f"{'ALARM' if said == 'alarm' else said}  {record['path']}  {record['score']:.3f}{p_value}{where}{declared}"


def check_at_least_one(name: str, value: int) -> None:
    """Raise UsageError for a count below 1."""
    if value < 1:
        raise UsageError(f"{name}: expected at least 1, came {value}")


def numbers(text: str, name: str) -> list[float]:
    """Numbers out of "0.01,0.05"."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{name}: expected numbers like 0.01,0.05, came {text}") from None


def shown(value: float | None) -> str:
    """A figure, or that it is unknown."""
    return "unknown" if value is None else f"{value:.3f}"


def say(text: str) -> None:
    """A line on standard output; above the progress bar, if there is one."""
    sys.stdout.write(_harmless(text) + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(_harmless(text) + "\n")


def _harmless(text: str) -> str:
    """Text of several lines, in which names from anywhere may stand."""
    return "\n".join(map(printable, text.split("\n")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; errors of the project and of the file system become one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names hold characters that a terminal may lack
    for entry in entry_points(group="nii.commands"):
        app.command(entry.name)(entry.load())
    try:
        app(args=arguments)
    except NiiError as error:
        complain(f"nii: {error}")
        sys.exit(1 if isinstance(error, OutputError) else 2)
    except OSError as error:
        complain(f"nii: expected to read and write files, came: {error}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a full standard output still holds can't be written
        sys.exit(1)
