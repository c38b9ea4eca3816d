"""What the network is asked for, on batches with known answers."""

import pytest
import torch

from training.losses import LossConfig, covered, evidence_loss, excess_loss, family_loss, scan_loss, total
from training.network import Output
from training.samples import BORDER, Batch, quartered

SURE = 12.0  # logit


def pixels():
    """A pair of 16 x 24 pixels: a concealment of family 1 over 8 x 8 of them, ignored in one pixel elsewhere."""
    T = torch.full((2, 2, 16, 24), 0.5)
    evidence, weight, excess = torch.zeros(2, 1, 16, 24), torch.ones(2, 1, 16, 24), torch.zeros(2, 2, 16, 24)
    evidence[0, :, 4:12, 8:16] = 1
    weight[0, :, 4:12, 8:16] = 2
    excess[0, :, 4:12, 8:16] = 0.4
    weight[0, 0, 13, 21] = 0
    family = torch.where(evidence[:, 0] > 0, 1, BORDER)
    cargo, empty = torch.tensor([0, -1]), torch.zeros(2)
    return Batch(T, evidence, weight, excess, torch.ones(2, 1, 16, 24), family, cargo, empty)


@pytest.fixture
def batch():
    return quartered(pixels())


def test_targets_are_means_of_blocks_and_a_block_with_an_ignored_pixel_has_no_weight(batch):
    assert batch.transmission.shape == (2, 2, 16, 24)
    assert batch.evidence[0, 0].tolist() == [[0] * 6, [0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], [0] * 6]
    assert batch.weight[0, 0].tolist() == [[1] * 6, [1, 1, 2, 2, 1, 1], [1, 1, 2, 2, 1, 1], [1, 1, 1, 1, 1, 0]]
    assert batch.family[0].tolist() == [[-1] * 6, [-1, -1, 1, 1, -1, -1], [-1, -1, 1, 1, -1, -1], [-1] * 6]
    assert float(batch.excess[0, 0].max()) == pytest.approx(0.4)


def test_a_block_counts_from_three_tenths_on():
    pair = list(pixels())
    pair[1] = torch.zeros_like(pair[1])
    pair[1][0, 0, 0, :4] = pair[1][0, 0, 1, :1] = 1  # 5 of 16 pixels
    pair[1][0, 0, 0, 4:8] = 1  # 4 of 16
    assert covered(quartered(Batch(*pair)))[0, 0, 0, :3].tolist() == [1, 0, 0]


def test_who_finds_just_the_concealment_loses_nothing_and_who_misses_it_much(batch):
    batch = batch._replace(weight=batch.weight.clamp(min=0.1))  # nothing ignored
    right = SURE * (2 * covered(batch) - 1)
    assert float(evidence_loss(right, batch)) < 1e-6
    assert float(scan_loss(right, batch, pool=1)) < 1e-4
    missed, false = torch.full_like(right, -SURE), right.clone()
    false[1, 0, 0, 0] = SURE
    for wrong in (missed, false):
        assert evidence_loss(wrong, batch) > 0.01
        assert scan_loss(wrong, batch, pool=1) > 1


def test_where_nothing_is_asked_for_anything_is_right(batch):
    logit = SURE * (2 * covered(batch) - 1)
    logit[0, 0, 3, 5] = SURE  # the block of the ignored pixel
    assert float(evidence_loss(logit, batch)) < 1e-6
    missed = torch.full_like(logit, -SURE)
    assert float(scan_loss(missed, batch, pool=1)) < 1e-4  # a crop with such a pixel doesn't count as a whole
    counting = batch._replace(weight=batch.weight.clamp(min=0.1))
    assert float(scan_loss(missed, counting, pool=1)) > 1


def test_excess_counts_most_inside_and_where_photons_tell(batch):
    assert float(excess_loss(batch.excess, batch)) == 0
    inside, outside, dark = batch.excess.clone(), batch.excess.clone(), batch.excess.clone()
    inside[0, :, 1, 2] += 0.05
    outside[0, :, 0, 0] += 0.05
    dark[0, :, 0, 0] += 0.05
    assert excess_loss(inside, batch) == pytest.approx(10 * float(excess_loss(outside, batch)))
    precision = batch.precision.clone()
    precision[0, 0, 0, 0] = 0.1
    assert excess_loss(dark, batch._replace(precision=precision)) < 0.2 * excess_loss(dark, batch)


def test_families_are_told_inside_only(batch):
    logits = torch.zeros(2, 3, 4, 6)
    logits[:, 1] = SURE
    assert float(family_loss(logits, batch)) < 1e-4
    assert float(family_loss(logits.roll(1, dims=1), batch)) > 10
    assert float(family_loss(logits, batch._replace(family=torch.full_like(batch.family, BORDER)))) == 0


def test_the_total_is_the_weighted_sum_of_its_parts(batch):
    shapes = {"evidence": (2, 1, 4, 6), "excess": (2, 2, 4, 6), "family": (2, 3, 4, 6), "cargo": (2, 4), "empty": (2,)}
    torch.manual_seed(0)
    output = Output(**{name: torch.randn(shape) for name, shape in shapes.items()})
    config = LossConfig(evidence=2.0, scan=0.5, excess=3.0, family=0.25, cargo=0.125)
    whole, parts = total(output, batch, config, pool=3)
    assert set(parts) == {"evidence", "scan", "excess", "family", "cargo"}
    assert float(whole) == pytest.approx(sum(getattr(config, name) * float(part) for name, part in parts.items()))
