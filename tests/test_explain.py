"""Explanations beside Shapley values by their definition, of networks with fields."""

from benchmarks import explain


def test_attributions_of_seven_fields_are_exact() -> None:
    net, asked = explain.people(400)
    found = explain.compared(net, asked[:4])
    assert found.largest < 1e-5
    assert found.rest < 1e-9


def test_attributions_of_more_fields_than_ten_are_near() -> None:
    net, asked = explain.wide(12, 1)
    found = explain.compared(net, asked[:3])
    assert found.relative < 0.1
    assert found.rest < 1e-9
