# SPDX-License-Identifier: GPL-3.0-or-later
"""A tokenizer that needs no download, for networks with weights from a seed: each byte of a text is a word."""

from __future__ import annotations

from typing import Any

END = "<|endoftext|>"


def tokenizer(most: int = 77) -> Any:
    """A CLIPTokenizer over bytes; `most` tokens a text."""
    from transformers import CLIPTokenizer

    kind: Any = CLIPTokenizer
    return kind(vocab=_vocabulary(), merges=[], model_max_length=most)


def _vocabulary() -> dict[str, int]:
    """Every byte as the letter that byte-level tokenizers write it with, inside of a word and at its end."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte if byte in shown else 256 + byte) for byte in shown]
    letters += [chr(256 + number) for number in range(256 - len(shown))]
    names = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", END]
    return {name: number for number, name in enumerate(names)}
