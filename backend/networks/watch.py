# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a pipeline or network of others has come, and a way to stop it in the middle: what is told may raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

from torch import nn

Beat = Callable[[float], None]
"""Told the part done, 0 to 1; may raise to stop."""


class Steps:
    """Takes the place of `progress_bar` of a pipeline of diffusers, which every one of them asks at every step."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat

    def __call__(self, iterable: Iterable[Any] | None = None, total: int | None = None, **_looks: Any) -> Any:
        if isinstance(iterable, range):  # of whole pictures; their steps are counted
            return iterable
        return _Bar(self._beat, iterable, total)


class _Bar:
    def __init__(self, beat: Beat, iterable: Iterable[Any] | None, total: int | None) -> None:
        self._beat, self._iterable, self._done = beat, iterable, 0
        self._total = total or (len(iterable) if isinstance(iterable, Sized) else 1)

    def __iter__(self) -> Iterator[Any]:
        self.update(0)
        for item in () if self._iterable is None else self._iterable:
            yield item
            self.update()

    def __enter__(self) -> _Bar:
        self.update(0)
        return self

    def __exit__(self, *_error: Any) -> None:
        pass

    def update(self, by: int = 1) -> None:
        self._done += by
        self._beat(min(self._done / self._total, 1.0))

    def set_postfix(self, **_text: Any) -> None:
        pass

    set_description = set_postfix


@contextmanager
def convolutions(model: nn.Module, beat: Beat) -> Iterator[None]:
    """Tell of each convolution of the model as its turn comes; each is taken to have one."""
    found = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    with _told(found, beat):
        yield


@contextmanager
def layers(model: nn.Module, beat: Beat) -> Iterator[None]:
    """Tell of each transformer layer of the model as its turn comes; each is taken to have one."""
    found = [
        part for part in model.modules() if type(part).__name__.endswith(("Layer", "Block")) and any(part.children())
    ]
    with _told(found, beat):
        yield


@contextmanager
def _told(found: Sequence[nn.Module], beat: Beat) -> Iterator[None]:
    done = 0

    def before(_layer: nn.Module, _given: Any) -> None:
        nonlocal done
        beat(min(done / len(found), 1.0))
        done += 1

    hooks = [part.register_forward_pre_hook(before) for part in found]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
