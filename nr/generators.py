"""What generators do: a part of ``Network``, which asks the same of any driver."""

from __future__ import annotations

from typing import TypeVar, Unpack

from nr.calls import Call
from nr.calls.texts import Score, generate, score, translate
from nr.commands.options import GenerateOptions

_T = TypeVar("_T")


class GeneratorMethods:
    """Texts, how likely they are, and which sequence goes with another."""

    key: bytes

    def _do(self, call: Call[_T]) -> _T:
        raise NotImplementedError

    def generate(self, prompt: str | None = None, **how: Unpack[GenerateOptions]) -> str:
        """A generator's text behind the prompt, each time another one but for a ``seed``."""
        return self._do(generate(self.key, prompt, **how))

    def score(self, text: str, *, of: str | None = None) -> Score:
        """How likely a text is to a generator, of a translator that it goes with the input ``of``.

        Raises CommandError.
        """
        return self._do(score(self.key, text, of))

    def translate(self, text: str, *, beam: int = 4, length: int | None = None) -> dict[str, float]:
        """The ``beam`` likeliest sequences that go with an input, and their log-probabilities.

        The likeliest comes first. None has more than ``length`` symbols, as a rule twice those of
        the input and 20. A batch of inputs goes by ``run``. Raises CommandError.
        """
        return self._do(translate(self.key, text, beam=beam, length=length))
