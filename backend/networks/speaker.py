# SPDX-License-Identifier: GPL-3.0-or-later
"""A causal language model of transformers that writes JSON of a schema and nothing else.

At each step the likeliest token is taken whose text the schema allows, which is the argmax under its mask: tokens are
tried from the likeliest on. What has no choice is not asked for but written, and read by the model in one go.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..protocol.errors import UserError
from . import libraries, spelling

HURRY = 160
"""Tokens before the end at which only what closes the document is allowed."""
READ = 512
"""Tokens of a prompt that are read at a time, for a sign of life."""
ANCHOR = "a"
Beat = Callable[[str, float], None]


class Speaker:
    """`say` answers messages with JSON of a schema."""

    def __init__(self, model: Any, tokenizer: Any, device: str) -> None:
        self._model, self._tokenizer, self._device = model, tokenizer, device
        self._texts, self._first = _texts(tokenizer)
        self._hidden = [str(each) for each in tokenizer.get_added_vocab()]
        self._before: tuple[list[int], Any] = ([], None)

    def say(self, messages: list[dict[str, str]], schema: Mapping[str, Any], most: int, beat: Beat) -> str:
        """JSON of the schema within `most` tokens; `beat(phase, share)` is called all the time."""
        beat("Reading the words", 0.0)
        state, text, made = spelling.start(schema), "", 0
        tokens = self._prompt(messages)
        limit = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 20)
        if len(tokens) + most > limit:
            told = f"The words and the answer need {len(tokens) + most} tokens, this model holds {limit}"
            raise UserError(f"{told}. Lower scene_model.max_tokens, or choose a larger model.", kind="usage")
        cache, read = self._remembered(tokens)
        with torch.inference_mode():
            while True:
                said, state = spelling.forced(state, made > most - HURRY)
                tokens = tokens + self._tokenizer.encode(said, add_special_tokens=False) if said else tokens
                text += said
                if not state:
                    return json.dumps(spelling.held(json.loads(text), schema))
                if made > most:
                    raise UserError(
                        f"The model's answer has no end within {most} tokens. Raise scene_model.max_tokens, or say it "
                        "in fewer words.",
                        kind="backend",
                    )
                logits, cache, read = self._read(tokens, cache, read, beat, made / most)
                token, state = self._choose(logits, state, made > most - HURRY)
                text += self._texts[token]
                tokens = [*tokens, token]
                made += 1

    def _read(
        self, tokens: list[int], cache: Any, read: int, beat: Beat, share: float
    ) -> tuple[NDArray[np.float32], Any, int]:
        """The model's opinion of what comes after all tokens, of which this cache holds the first `read`."""
        while read < len(tokens):
            part = torch.tensor([tokens[read : read + READ]], device=self._device)
            out = self._model(input_ids=part, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache, read = out.past_key_values, read + part.shape[1]
            self._before = (self._before[0], cache)
            beat("Reading the words" if not share else "Writing the scene", share)
        return out.logits[0, -1].float().cpu().numpy(), cache, read

    def _remembered(self, tokens: list[int]) -> tuple[Any, int]:
        """What was read of the same beginning the last time: rules and examples never change. In whole portions, so
        that it is to the bit as read anew."""
        before, cache = self._before
        same = next((at for at, (a, b) in enumerate(zip(before, tokens, strict=False)) if a != b), len(before))
        read = min(same, len(tokens) - 1) // READ * READ
        self._before = (tokens[: len(tokens) // READ * READ], None)
        try:
            if cache is None or not read:
                return None, 0
            if cache.get_seq_length() > read:
                cache.crop(read - cache.get_seq_length())
        except (AttributeError, NotImplementedError, ValueError):  # some models remember a window alone
            return None, 0
        return cache, read

    def _choose(self, logits: NDArray[np.float32], state: spelling.State, hurry: bool) -> tuple[int, spelling.State]:
        """The likeliest token that may come, and the state after it."""
        may = np.concatenate([self._first[char] for char in spelling.allowed(state, hurry) if char in self._first])
        order = may[np.argsort(-logits[may], kind="stable")]
        for token in order:
            after = spelling.walk(state, self._texts[int(token)], hurry)
            if after is not None:
                return int(token), after
        raise UserError("This model's tokenizer cannot spell JSON. Choose another model.", kind="weights")

    def _prompt(self, messages: list[dict[str, str]]) -> list[int]:
        """Tokens of the conversation; marks that a tokenizer would read as its own are taken out of what was said."""
        plain = [{**each, "content": self._unmarked(each["content"])} for each in messages]
        if getattr(self._tokenizer, "chat_template", None):
            text = self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        else:
            text = "\n\n".join(f"{each['role']}: {each['content']}" for each in plain) + "\n\nassistant: "
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _unmarked(self, text: str) -> str:
        before = ""
        while text != before:
            before = text
            for mark in self._hidden:
                text = text.replace(mark, " ")
        return text


def _texts(tokenizer: Any) -> tuple[list[str], dict[str, NDArray[np.int64]]]:
    """Each token's text, empty where it is none of plain letters; and the tokens by their first letter."""
    size = len(tokenizer)
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    anchor = tokenizer.encode(ANCHOR, add_special_tokens=False)
    shown = len(tokenizer.decode(anchor))
    decoded = tokenizer.batch_decode([[*anchor, number] for number in range(size)], clean_up_tokenization_spaces=False)
    texts, first = [], defaultdict(list)
    for number, whole in enumerate(decoded):
        text = whole[shown:]
        fits = bool(text) and number not in special and all(char in spelling.CHARS for char in text)
        texts.append(text if fits else "")
        if fits:
            first[text[0]].append(number)
    return texts, {char: np.array(numbers) for char, numbers in first.items()}


def load(folder: Path, device: str, dtype: Any) -> Speaker:
    """From a folder of transformers; programs and pickles in it are left where they are."""
    theirs = libraries.transformers()
    if not (folder / "config.json").is_file():
        told = f"{folder} is no folder of a language model: config.json is missing"
        raise UserError(f"{told}. Choose the folder that holds it, or a .gguf file.", kind="weights")
    try:
        tokenizer = theirs.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        model = theirs.AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=dtype
        )
    except Exception as error:  # the library has many ways to say that a folder is not what it needs
        told = f"The language model in {folder} cannot be loaded ({libraries.short(error)})"
        raise UserError(f"{told}. Choose a causal language model in safetensors.", kind="weights") from None
    return Speaker(model.to(device).eval(), tokenizer, device)


def invented(seed: int, device: str, dtype: Any) -> Speaker:
    """A tiny one of the real class, from a seed: it babbles, and shows that all goes through."""
    theirs = libraries.transformers()
    torch.manual_seed(seed)
    tokenizer = letters()
    config = theirs.Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=32_768,
    )  # fmt: skip
    return Speaker(theirs.Qwen2ForCausalLM(config).to(device, dtype).eval(), tokenizer, device)


def letters() -> Any:
    """A byte-level tokenizer as Qwen's without its merges: each byte of a text is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return libraries.transformers().PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>")
