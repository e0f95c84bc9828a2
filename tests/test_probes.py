"""Probes and fitted classifiers find what is in a vector, and nothing where nothing is."""

import torch
from torch import nn

from gaplab import probes


def test_the_probe_equals_ridge_regression_and_finds_nothing_in_noise():
    draws = torch.Generator().manual_seed(0)
    train, test = torch.randn(80, 5, generator=draws), torch.randn(40, 5, generator=draws)
    truth = torch.randn(5, 2, generator=draws).double()
    places = train.double() @ truth + 3
    x = (train.double() - train.double().mean(dim=0)) / train.double().std(dim=0)
    y = (test.double() - train.double().mean(dim=0)) / train.double().std(dim=0)
    primal = torch.linalg.solve(x.T @ x + 2.0 * torch.eye(5).double(), x.T @ (places - places.mean(dim=0)))
    expected = y @ primal + places.mean(dim=0)
    torch.testing.assert_close(probes.linear_probe(train, places, test, strength=2.0), expected, atol=1e-4, rtol=1e-4)
    nearly = probes.linear_probe(train, places, test, strength=1e-6)
    torch.testing.assert_close(nearly, test.double() @ truth + 3, atol=1e-3, rtol=1e-3)
    unrelated = torch.randn(80, 2, generator=draws).double()
    assert (probes.linear_probe(train, unrelated, test) - unrelated.mean(dim=0)).abs().mean() < 0.5


def test_refitted_classifier_learns_and_leaves_the_old_one():
    draws = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 4
    features = torch.randn(200, 8, generator=draws) + 3 * nn.functional.one_hot(labels, 8)
    linear = nn.Linear(8, 4)
    before = linear.weight.detach().clone()
    fitted = probes.refit_classifier(linear, features, labels)
    assert float((fitted(features).argmax(1) == labels).float().mean()) > 0.9
    assert torch.equal(linear.weight, before)
    held = probes.refit_classifier(linear, features, labels, penalty=1e6)
    torch.testing.assert_close(held.weight, linear.weight, rtol=0, atol=1e-3)
