"""The loop where samples are made on the device, and where minutes decide: by one process and by two."""

import json
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from two_processes import train_by_two

from nii.errors import UsageError
from training import train as module
from training.checkpoint import check_same_run, described
from training.recipe import FinishConfig, Recipe, read_recipe
from training.samples import SampleConfig
from training.team import Team
from training.train import on_device, train

pytestmark = pytest.mark.slow

SMALL = {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1), "precision": "fp32", "start": "", "batch": 4}


@pytest.fixture
def recipe():
    finish = FinishConfig(4, 2, (64, 64))
    sizes = {"iterations": 8, "every": 2, "mined": 2, "finish": finish, "samples": SampleConfig(crop=(64, 96))}
    return replace(read_recipe("cargo"), **SMALL, **sizes)


def test_a_gpu_makes_its_samples_itself_but_not_those_of_operator_images(recipe):
    gpu = torch.device("cuda")
    assert on_device(recipe, gpu)
    assert not on_device(recipe, torch.device("cpu"))
    assert not on_device(replace(recipe, operator_images=True), gpu)
    assert not on_device(replace(recipe, samples=SampleConfig(enlarged=2.0)), gpu)


def test_the_loop_learns_from_samples_made_on_the_device(simulated, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "on_device", lambda recipe, device: True)
    sizes, mined = [], []
    make, mine = module.DeviceSamples.batch, module.mine

    def kept(self, *drawn):
        batch = make(self, *drawn)
        sizes.append(tuple(batch.transmission.shape))
        return batch

    monkeypatch.setattr(module.DeviceSamples, "batch", kept)
    monkeypatch.setattr(module, "mine", lambda *given: mined.extend(found := mine(*given)) or found)
    train(recipe, Team.join(), tmp_path, [simulated], [simulated])
    assert sizes == [(4, 2, 64, 96)] * 4 + [(2, 2, 64, 64)] * 4
    assert len({number for number, _, _ in mined}) >= 2
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [2, 4, 6, 8]
    assert all(line["evidence"] > 0 for line in lines)


def test_the_rate_of_a_run_of_minutes_follows_the_clock():
    recipe = Recipe("m", "cargo", iterations=1000, minutes=10.0, finish=FinishConfig(400, 4, (32, 32)))
    shares = [recipe.share_of_rate(5000, 60 * minutes) for minutes in (0, 6, 8, 10, 11)]
    assert shares == pytest.approx([1, 1, 0.5, 0, 0])
    assert recipe.share_of_rate(49, 30.0) == pytest.approx(0.5)  # warm-up goes by steps
    assert [recipe.share(7, seconds) for seconds in (0, 300, 600)] == [0, 0.5, 1]


def test_a_run_of_minutes_ends_when_they_are_over_and_goes_on_where_it_was(simulated, recipe, tmp_path, monkeypatch):
    """By a clock that each step and each evaluation moves by a second."""
    ticks = count()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    rates = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self, *_: rates.append(self.param_groups[0]["lr"]) or step(self)
    )
    timed = replace(recipe, minutes=0.2)
    train(timed, Team.join(), tmp_path, [simulated], [simulated])
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert 8 <= lines[-1]["iteration"] == len(rates) <= 12, "evaluations take a second of the clock too"
    assert lines[-1]["minutes"] == pytest.approx(0.2, abs=0.04)
    assert len(lines) == 4
    assert rates[-1] < 0.2 * recipe.rate
    before = len(rates)
    train(timed, Team.join(), tmp_path, [simulated], [simulated], resume=True)
    assert len(rates) == before, "nothing was left to do"
    assert (tmp_path / "last.pt").is_file()


def test_two_processes_train_one_network_by_the_clock_of_the_leader(simulated, recipe, tmp_path):
    script = (
        "import sys, torch\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from training import train\n"
        "from training.recipe import FinishConfig, read_recipe\n"
        "from training.samples import SampleConfig\n"
        "from training.team import Team\n"
        "team, (data, out) = Team.join(), map(Path, sys.argv[1:])\n"
        "kept, seen = {}, []\n"
        "class Kept(train.Network):\n"
        "    def __init__(self, config):\n"
        "        super().__init__(config)\n"
        "        kept.setdefault('network', self)\n"
        "train.Network = Kept\n"
        "train.on_device = lambda recipe, device: True\n"
        "make = train.DeviceSamples.batch\n"
        "train.DeviceSamples.batch = lambda *given: seen.append(make(*given)) or seen[-1]\n"
        f"sizes = {SMALL | {'iterations': 4, 'every': 2, 'minutes': 0.05, 'finish': None}}\n"
        "recipe = replace(read_recipe('cargo'), samples=SampleConfig(crop=(64, 96)), **sizes)\n"
        "train.train(recipe, team, out, [data], [data])\n"
        "weights = torch.cat([p.detach().flatten() for p in kept['network'].parameters()])\n"
        "first = torch.cat([weights, seen[0].transmission.flatten(), torch.tensor([float(len(seen))])])\n"
        "both = [torch.zeros_like(first) for _ in range(2)]\n"
        "torch.distributed.all_gather(both, first)\n"
        "(one, two), n = both, weights.numel()\n"
        "assert torch.equal(one[:n], two[:n]), 'weights differ'\n"
        "assert not torch.equal(one[n:-1], two[n:-1]), 'both learn from the same samples'\n"
        "assert one[-1] == two[-1], 'numbers of steps differ'\n"
        "assert seen[0].transmission.shape[0] == 2, 'a process makes its half of a batch'\n"
        "team.leave()\n"
    )
    train_by_two(tmp_path, script, simulated)


def test_a_checkpoint_of_before_a_setting_was_there_goes_on_with_its_default(recipe, tmp_path):
    run = described(recipe, "hash")
    older = {name: value for name, value in run.items() if name != "minutes"}
    check_same_run(older, run, tmp_path)
    with pytest.raises(UsageError, match=r"minutes 0\.0 \(came 3"):
        check_same_run(older, described(replace(recipe, minutes=3.0), "hash"), tmp_path)
