"""Training on a tiny set: samples, network, losses, resume, export."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from two_processes import train_by_two

import training
from nii.errors import ScanSetError, UsageError
from nii.fit.calibrate import Benign
from nii.io.write import write_tiff
from nii.model.contract import with_contract
from nii.model.detector import Detector, find_model
from nii.scan import Scan
from nii.simulate.cargo.loads import KINDS
from nii.simulate.contraband.concealments import FAMILIES
from training.checkpoint import load_network, load_weights
from training.data import load_set
from training.export import export, onnx_bytes
from training.network import ExportModel, Network, NetworkConfig, features, scan_score, surroundings
from training.recipe import SETS, FinishConfig, Recipe, read_recipe
from training.samples import BORDER, SampleConfig, Samples, quartered
from training.team import Team
from training.train import FUSED_FROM, compiled, freeze_batch_norm, train
from training.validate import FIGURES, flat, load_validation, validate_all

pytestmark = pytest.mark.slow

ALONE = Team.join()
SMALL = {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1)}


@pytest.fixture(scope="module")
def recipe():
    samples = SampleConfig(crop=(64, 96))
    shipped = replace(read_recipe("cargo"), start="", finish=None, precision="fp32")
    return replace(shipped, iterations=4, every=2, batch=2, samples=samples, **SMALL)


@pytest.fixture(scope="module")
def finished_run(simulated, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    train(recipe, ALONE, out, [simulated], [simulated])
    return out


def network(**given):
    torch.manual_seed(0)
    return Network(NetworkConfig(families=FAMILIES, cargos=KINDS, **(SMALL | given))).eval()


def test_a_pair_differs_only_by_the_concealment(simulated):
    samples = Samples(
        load_set(simulated, KINDS, 6.0), FAMILIES, KINDS.index("empty"), SampleConfig((64, 96), single=0.0), 1, 0
    )
    for index in range(6):
        T, evidence, _, excess, _, family, _, _ = samples.sample(np.random.default_rng(index))
        assert T.shape == (2, 2, 64, 96)
        assert not evidence[1].any()
        assert not excess[1].any()
        assert ((family[0] != BORDER) == (evidence[0, 0] > 0)).all()
        here = excess[0, 0].abs() > 0.3
        if here.any():
            seen = (torch.log(T[1, 0].clamp(1e-3)) - torch.log(T[0, 0].clamp(1e-3)))[here]
            assert torch.sign(seen.mean()) == torch.sign(excess[0, 0][here].mean())


def test_more_concealments_can_be_put_into_a_sample(simulated):
    scans = load_set(simulated, KINDS, 6.0)
    one, many = (
        Samples(scans, FAMILIES, KINDS.index("empty"), SampleConfig((160, 224), own=0.0, more=more), 1, 0)
        for more in (0.0, 0.8)
    )
    excess = [
        torch.stack([samples.sample(np.random.default_rng(index))[3][0] for index in range(20)])
        for samples in (one, many)
    ]
    assert (excess[1] != 0).float().mean() > 1.5 * (excess[0] != 0).float().mean()


def test_a_sample_depends_on_its_number_only(simulated):
    samples = Samples(load_set(simulated, KINDS, 6.0), FAMILIES, KINDS.index("empty"), SampleConfig((64, 96)), 1, 5)
    first, again = next(iter(samples)), quartered(samples.sample(np.random.default_rng((1, 5))))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (33, 50), (130, 70)])
def test_the_network_takes_any_size(size):
    heat, excess, family, cargo, empty, evidence, score = ExportModel(network())(torch.rand(2, 2, *size))
    assert (heat.shape, excess.shape) == ((2, *size), (2, 2, *size))
    assert family.shape[1:] == (len(FAMILIES), -(-size[0] // 4), -(-size[1] // 4))
    assert (cargo.shape, empty.shape, score.shape) == ((2, len(KINDS)), (2,), (2,))
    assert torch.equal(evidence.amax(dim=(1, 2)), score)


def test_a_network_of_one_energy_is_the_same_code():
    assert ExportModel(network(energies=1))(torch.rand(1, 1, 64, 64))[1].shape == (1, 1, 64, 64)


def test_features_see_a_material_by_its_energy_ratio():
    pair = torch.full((1, 2, 32, 32), 0.1)
    pair[:, 1] = 0.1**0.80  # attenuation ratio 0.80: organic; below the 0.84 that light cargo has on average
    assert float(features(pair)[0, -1].mean()) == pytest.approx((0.80 - 0.84) * np.log(10) * 2, rel=1e-3)


def test_the_score_is_a_window_mean_and_not_a_lone_pixel():
    evidence = torch.full((1, 1, 60, 60), -5.0)
    evidence[..., 10, 10] = 4.0
    assert float(scan_score(evidence, 3)) == pytest.approx(-4.0)
    evidence[..., 3:6, 3:6] = 2.0
    assert float(scan_score(evidence, 3)) == pytest.approx(2.0)


def test_training_writes_log_checkpoint_and_pictures(finished_run):
    lines = [json.loads(line) for line in (finished_run / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [2, 4]
    assert 0 <= lines[0]["auroc"] <= 1
    for name in ("best.pt", "last.pt", "checkpoint.pt", "curves.png", "examples.png", "config.json"):
        assert (finished_run / name).stat().st_size > 100


@pytest.mark.skipif(shutil.which("g++") is None, reason="need a C++ compiler; without one nothing is fused")
def test_fused_operations_give_the_same_output_and_gradients():
    plain = network().train()
    fused = compiled(copy.deepcopy(plain), FUSED_FROM)
    assert compiled(plain, FUSED_FROM - 1) is plain
    planes = plain.planes(torch.rand(2, 2, 64, 96) * 0.8 + 0.1)
    outputs = [one(planes) for one in (plain, fused)]
    for output in outputs:
        (output.evidence.square().mean() + output.excess.square().mean()).backward()
    assert torch.allclose(outputs[0].evidence, outputs[1].evidence, atol=1e-4)
    for (name, one), other in zip(plain.named_parameters(), fused.parameters(), strict=True):
        if one.grad is not None:
            assert torch.allclose(one.grad, other.grad, atol=1e-4, rtol=1e-2), name


def test_once_settled_a_crop_is_read_alike_whatever_else_is_in_its_batch():
    model, crops = network().train(), torch.rand(6, 2, 64, 96) * 0.8 + 0.1
    planes = model.planes(crops)
    alone, among = (model(part).evidence[0] for part in (planes[:1], planes))
    assert not torch.allclose(alone, among, atol=1e-3), "batch norm looks at the batch until it has settled"
    freeze_batch_norm(model)
    alone, among = (model(part).evidence[0] for part in (planes[:1], planes))
    assert torch.allclose(alone, among, atol=1e-5)
    assert model.training


def test_statistics_of_batch_norm_stand_from_the_settled_step_on(simulated, recipe, tmp_path):
    seen = []
    for run, start in ((tmp_path / "afresh", ""), (tmp_path / "on", str(tmp_path / "afresh" / "last.pt"))):
        train(replace(recipe, start=start), ALONE, run, [simulated], [simulated])
        seen.append(torch.load(run / "checkpoint.pt", weights_only=True)["network"]["stem.1.num_batches_tracked"])
    learned, kept = (load_network(tmp_path / run / "last.pt")[0].state_dict() for run in ("afresh", "on"))
    assert seen == [recipe.settled, 1] == [1, 1], "batches whose statistics were taken"
    assert learned["stem.1.running_mean"].any()
    assert torch.equal(learned["stem.1.running_mean"], kept["stem.1.running_mean"])


@pytest.mark.parametrize("muon", [False, True], ids=["AdamW", "Muon"])
def test_a_resumed_run_ends_with_the_same_weights(simulated, recipe, tmp_path, monkeypatch, muon):
    import training.train as module

    recipe = replace(recipe, muon=muon)
    train(recipe, ALONE, tmp_path / "whole", [simulated], [simulated])

    class StoppedError(Exception):
        pass

    saved = module.save_weights

    def save_then_stop(network, minutes, run, path):
        saved(network, minutes, run, path)
        if path.name == "last.pt":
            raise StoppedError

    monkeypatch.setattr(module, "save_weights", save_then_stop)
    with pytest.raises(StoppedError):
        train(recipe, ALONE, tmp_path / "run", [simulated], [simulated])
    monkeypatch.setattr(module, "save_weights", saved)
    train(recipe, ALONE, tmp_path / "run", [simulated], [simulated], resume=True)
    whole, _ = load_network(tmp_path / "whole" / "last.pt")
    resumed, _ = load_network(tmp_path / "run" / "last.pt")
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rate": 1e-3}, r"rate 0\.0005 \(came 0\.001\)"),
        ({"iterations": 8}, r"iterations 4 \(came 8\)"),
        ({"samples": SampleConfig(crop=(96, 96))}, r"samples\.crop \[64, 96\] \(came \[96, 96\]\)"),
        ({"finish": FinishConfig(2, 2, (32, 32))}, r"finish\.batch None \(came 2\)"),
    ],
)
def test_a_checkpoint_is_not_resumed_with_another_recipe(simulated, recipe, finished_run, tmp_path, changed, said):
    run = shutil.copytree(finished_run, tmp_path / "run")
    before = (run / "config.json").read_bytes()
    with pytest.raises(UsageError, match=rf"checkpoint\.pt: expected to resume with its own recipe and data, {said}"):
        train(replace(recipe, **changed), ALONE, run, [simulated], [simulated], resume=True)
    assert (run / "config.json").read_bytes() == before


def test_a_checkpoint_is_not_resumed_on_other_data(simulated, recipe, finished_run, tmp_path, rng):
    run, own = shutil.copytree(finished_run, tmp_path / "run"), tmp_path / "own.tif"
    write_tiff(own, rng.uniform(0.5, 1, (2, 64, 96)).astype(np.float32), open_beam=60000)
    for given in ({"data": [simulated, simulated]}, {"data": [simulated], "own": (Benign(str(own)),)}):
        with pytest.raises(UsageError, match=r"its own recipe and data, data \w+ \(came \w+\)$"):
            train(recipe, ALONE, run, validation=[simulated], resume=True, **given)


def test_another_machine_may_resume_in_another_precision(simulated, recipe, finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    train(replace(recipe, precision="auto"), ALONE, run, [simulated], [simulated], resume=True)
    assert json.loads((run / "config.json").read_text())["precision"] == "fp32"


def test_the_exported_recipe_is_that_of_the_weights_not_of_the_folder(finished_run, recipe, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "config.json").write_text((run / "config.json").read_text().replace('"rate": 0.0005', '"rate": 9'))
    contract = export(run, tmp_path / "model.onnx", version="1")
    assert contract.recipe["rate"] == recipe.rate
    assert contract.data == contract.recipe["data"]


def test_only_the_process_that_leads_writes_the_run(simulated, recipe, tmp_path):
    second = replace(ALONE, rank=1)
    train(replace(recipe, iterations=2), second, tmp_path / "run", [simulated], [simulated])
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_can_begin_with_the_weights_of_another(finished_run, tmp_path):
    path, other = finished_run / "last.pt", network()
    trained, minutes = load_network(path)
    assert load_weights(other, path) == minutes
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), trained.parameters(), strict=True))
    with pytest.raises(UsageError, match=r"start: expected a last\.pt"):
        load_weights(other, tmp_path / "none.pt")
    with pytest.raises(UsageError, match="expected weights of the recipe's shape"):
        load_weights(network(widths=(16, 16, 24, 24)), path)


def test_the_exported_file_gives_the_numbers_of_torch(finished_run, tmp_path, rng):
    path = tmp_path / "model.onnx"
    contract = export(finished_run, path, version="7")
    assert (contract.version, contract.calibrations) == ("7", ())
    best, _ = load_network(finished_run / "best.pt")
    whole = tmp_path / "whole.onnx"  # before its weights are rounded to 16 bits
    whole.write_bytes(with_contract(onnx_bytes(ExportModel(best)), contract, "whole"))
    detector = Detector.load(whole, threads=1)
    for rows, columns in ((64, 96), (101, 67)):
        pixels = rng.uniform(0.01, 1, (2, rows, columns)).astype(np.float32)
        scan = Scan(transmission=pixels, energies=("4MV", "6MV"), pitch_mm=(6.0, 6.0))
        with torch.no_grad():
            found = dict(zip(ExportModel.names, ExportModel(best)(torch.from_numpy(pixels)[None]), strict=True))
        layers = detector.layers(scan)
        assert layers.score == pytest.approx(float(found["score"][0]), abs=1e-4)
        np.testing.assert_allclose(layers.heat, found["heat"][0], atol=1e-4)
        np.testing.assert_allclose(layers.excess, found["excess"][0], atol=1e-3)
        assert layers.candidates[0, 2] == layers.score
        assert Detector.load(path, threads=1).score(scan) == pytest.approx(layers.score, abs=5e-3)


def test_bad_recipes_and_sets_give_one_line(tmp_path, simulated):
    (tmp_path / "bad.toml").write_text("model = 'x'\nscene = 'cargo'\nrate_of_learning = 1\n")
    with pytest.raises(UsageError, match="rate_of_learning"):
        read_recipe(str(tmp_path / "bad.toml"))
    with pytest.raises(UsageError, match="expected a TOML file or one of"):
        read_recipe("nonesuch")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScanSetError, match="expected"):
        load_set(tmp_path / "empty", KINDS, 6.0)
    with pytest.raises(UsageError, match="precision"):
        export(tmp_path, tmp_path / "m.onnx", version="1", precision="int4")


def test_onnx_bytes_are_one_whole_file_without_paths_of_this_machine():
    made = onnx_bytes(ExportModel(network()))
    assert len(made) > 10_000
    assert str(Path(training.__file__).parent).encode() not in made


def test_processes_of_torchrun_train_one_network(simulated, recipe, tmp_path):
    """Two processes on one CPU: both end with the same weights, and the leader writes the run."""
    script = (
        "import sys, torch\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from training.samples import SampleConfig\n"
        "from training.recipe import read_recipe\n"
        "from training.team import Team\n"
        "from training import train\n"
        "team, (data, out) = Team.join(), map(Path, sys.argv[1:])\n"
        "kept = {}\n"
        "class Kept(train.Network):\n"
        "    def __init__(self, config):\n"
        "        super().__init__(config)\n"
        "        kept.setdefault('network', self)\n"
        "train.Network = Kept\n"
        f"recipe = replace(read_recipe('cargo'), start='', finish=None, iterations=2, every=1, batch=4,\n"
        f"    precision='fp32', samples=SampleConfig(crop=(64, 96)), widths={recipe.widths}, blocks={recipe.blocks})\n"
        "train.train(recipe, team, out, [data], [data])\n"
        "weights = torch.cat([p.detach().flatten() for p in kept['network'].parameters()])\n"
        "both = [torch.zeros_like(weights) for _ in range(2)]\n"
        "torch.distributed.all_gather(both, weights)\n"
        "assert torch.equal(*both), 'weights differ'\n"
        "team.leave()\n"
    )
    train_by_two(tmp_path, script, simulated)


def test_a_torchvision_backbone_does_the_same_work(monkeypatch, tmp_path):
    """Shape, export and weights; the weights file stands for the download, which a test must not make."""
    from torchvision.models import resnet18

    model = network(backbone="resnet18")
    heat, *_ = ExportModel(model)(torch.rand(1, 2, 64, 100))
    assert heat.shape == (1, 64, 100)
    known = resnet18(weights=None)
    monkeypatch.setattr("training.backbone.get_model", lambda name, weights: known)
    colours = known.conv1.weight.detach().clone()
    model.backbone.load_imagenet()
    planes = model.backbone.levels.conv1.weight
    assert torch.allclose(planes.sum(dim=1), colours.sum(dim=1), atol=1e-5)
    deep = model.backbone.levels.get_parameter("layer1.0.conv1.weight")
    assert torch.equal(deep, known.layer1[0].conv1.weight)


def test_imagenet_weights_that_cannot_be_had_give_one_line(monkeypatch):
    from urllib.error import URLError

    def offline(name, weights):
        raise URLError("no route to host")

    model = network(backbone="resnet18")
    monkeypatch.setattr("training.backbone.get_model", offline)
    with pytest.raises(UsageError, match="backbone resnet18: expected its ImageNet weights"):
        model.backbone.load_imagenet()
    with pytest.raises(UsageError, match="expected one of resnet18, resnet34, resnet50, came vgg"):
        network(backbone="vgg")


def test_the_smoothed_ratio_is_a_mean_over_12_pixels_with_photon_weights():
    T = torch.rand(1, 2, 20, 30) * 0.8 + 0.1
    low, high = -torch.log(T[:, :1]), -torch.log(T[:, 1:])
    contrast, weight = (high - 0.84 * low).clamp(-1, 1), T[:, :1]
    rows, columns = slice(0, 8), slice(4, 16)  # cut by the upper edge: around the third cell of the first row
    wanted = (weight * contrast)[0, 0, rows, columns].sum() / weight[0, 0, rows, columns].sum() * 20
    assert float(surroundings(features(T))[0, -1, 0, 2]) == pytest.approx(float(wanted), rel=1e-4)


def test_even_surroundings_differ_from_no_place():
    planes = surroundings(features(torch.full((1, 2, 70, 101), 0.3)))
    assert planes.shape == (1, 4, 18, 26)
    assert planes[:, :2].abs().max() < 1e-5


def test_the_rate_rises_stays_and_falls_to_nothing_in_the_finish():
    recipe = Recipe("m", "cargo", iterations=1000, finish=FinishConfig(400, 4, (32, 32)))
    shares = [recipe.share_of_rate(step) for step in (0, 99, 600, 800, 1000)]
    assert shares == pytest.approx([0.01, 1, 1, 0.5, 0])
    assert Recipe("m", "cargo", iterations=900).steady == 600


def test_every_shipped_recipe_starts_from_what_ships_and_keeps_its_seeds_apart():
    names = sorted(path.stem for path in (Path(training.__file__).parent / "recipes").glob("*.toml"))
    assert {"cargo", "parcel", "vehicle"} <= set(names)
    for name in names:
        recipe = read_recipe(name)
        assert recipe.model == name
        assert not recipe.start or find_model(recipe.start).is_file()
        seeds = [config.seed for config in (getattr(recipe, name) for name in SETS) if config is not None]
        assert len(set(seeds)) == len(seeds) >= 4


def test_a_finish_has_crops_of_its_own():
    shipped = read_recipe("cargo")
    assert shipped.ending.crop == (224, 320)
    assert shipped.samples.crop == (160, 224)
    assert shipped.steady + shipped.ending.iterations == shipped.iterations


def lines(*figures):
    """An evaluation every ten minutes: AUROC and Pd at 1 %."""
    return [{"minutes": 10.0 * (i + 1), "auroc": a, "pd_at_1": p} for i, (a, p) in enumerate(figures)]


def test_a_curve_is_flat_once_nothing_rose_in_the_last_quarter_of_its_minutes():
    rising = [(0.5 + i / 100, 0.1) for i in range(8)]
    assert not flat(lines(*rising))
    assert not flat(lines(*[(0.9, 0.5)] * 7)), "too few evaluations to say"
    assert flat(lines(*rising, *[(0.57, 0.1)] * 4))
    assert not flat(lines(*rising, *[(0.5, 0.1)] * 3, (0.5, 0.2))), "Pd rose"
    assert not flat(lines(*rising, *[(0.5, 0.1)] * 3, (0.58, 0.1))), "AUROC rose"


def test_sets_to_validate_on_count_alike(simulated):
    held = load_validation(simulated, 2, 6.0)
    found = validate_all(network(), {"home": held, "away": held[:2]}, torch.device("cpu"))
    for key in FIGURES:
        assert found[key] == pytest.approx((found[f"home_{key}"] + found[f"away_{key}"]) / 2, abs=1e-3)


def test_a_run_finishes_early_once_its_curve_is_flat(simulated, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("training.train.flat", lambda seen: len(seen) == 2)
    long = replace(recipe, iterations=40, every=1, until_flat=True, finish=FinishConfig(2, 2, (64, 96)))
    train(long, ALONE, tmp_path, [simulated], [simulated])
    seen = [json.loads(line)["iteration"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert seen == [1, 2, 3, 4], "two steps, of which the second showed it, and the two of the finish"


def test_a_run_is_bound_by_its_curve_or_by_the_clock():
    with pytest.raises(UsageError, match="until_flat: expected a run that steps bound, came one of 8 minutes"):
        Recipe("m", "cargo", until_flat=True, minutes=8.0)
