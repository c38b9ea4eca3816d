"""Every model that ships carries a judge, so that `nii fit` only replaces its numbers."""

import numpy as np
import pytest

from nii.model.detector import Detector, find_model, shipped_models
from nii.model.judge import read_judge
from training.judge import names_of


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_judge_calls_the_evidence_the_score(name):
    judge, contract = read_judge(find_model(name).read_bytes(), name), Detector.load(name, threads=1).contract
    assert judge.weight.size == len(names_of(len(contract.energies)))
    assert (judge.weight == np.eye(judge.weight.size)[0]).all()
    assert judge.bias[0] == 0
