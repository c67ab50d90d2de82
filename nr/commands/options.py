"""The options of NR.CREATE and NR.CONFIGURE as types, so that a checker finds a misspelt one.

At run time the core decides, as for every other way to give a command.
"""

from typing import Literal, TypeAlias, TypedDict

Kind: TypeAlias = Literal["classifier", "regressor", "forecaster", "generator"]
Dataset: TypeAlias = Literal["train", "test"]


class ConfigureOptions(TypedDict, total=False):
    """What can be changed at any time; None is AUTO."""

    optimizer: Literal["rprop", "adam", "sgd"]
    learnrate: float | None
    batch: int | None
    l2: float | None
    patience: int | None
    threads: int
    classweights: Literal["none", "balanced"]
    trainevery: int | Literal["off"] | None
    unroll: int | None
    clip: float | None
    vocabulary: int
    dropout: float | None
    decay: float | None
    after: int
    drift: bool


class CreateOptions(ConfigureOptions, total=False):
    """What can be chosen for a network; docs/commands.md, NR.CREATE, explains them."""

    activation: Literal["sigmoid", "tanh", "relu", "leakyrelu"]
    loss: Literal["mse", "crossentropy"]
    members: int | None
    cell: Literal["lstm", "gru"]
    horizon: int
    window: int
    season: int | None
    tied: bool
    init: float | None
    classic: bool


class GenerateOptions(TypedDict, total=False):
    """NR.GENERATE's; docs/commands.md explains them."""

    length: int
    temperature: float
    top: int | None
    seed: int | None
