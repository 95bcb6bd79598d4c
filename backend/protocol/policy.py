# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be used here: commercially or not, in which country, with or without a network; said once, held everywhere.

A studio writes it into `policy.toml` of the data folder (Blender's preferences do it too). The environment and flags
add to it, and take nothing away:

version = 1
commercial = true            GALATEA_COMMERCIAL=1    --commercial
territory = "DE"             GALATEA_TERRITORY=DE    --territory DE
offline = true               GALATEA_OFFLINE=1       --offline
accept = ["comfyui"]                                 --accept comfyui

`accept` names backends whose terms somebody has read and agreed to. It does not lift what a licence forbids.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import whole
from .catalog import spec_of
from .errors import UserError
from .place import data_folder
from .provenance import licences
from .recipe import Recipe, known, read_toml
from .spec import BackendSpec, is_free

NAME = "policy.toml"
_FLAG: tuple[str, Callable[[Any], bool]] = "true or false", lambda value: isinstance(value, bool)
_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "commercial": _FLAG,
    "territory": ('a text such as "DE"', lambda value: isinstance(value, str)),
    "offline": _FLAG,
    "accept": (
        'texts such as ["comfyui"]',
        lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    ),
}
_EU = (
    "EU", "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU",
    "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
)  # fmt: skip
COUNTRIES = {"european union": _EU, "united kingdom": ("GB",), "south korea": ("KR",)}
"""Names in the text of a territory, and the codes (ISO 3166) that they mean."""
_NO_TRADE = re.compile(r"\bnc\b|non-?\s?commercial|research[- ]only", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """Why a step does not fit, said of it; `ask`: a yes to its terms would be enough. Empty where it fits."""

    clause: str = ""
    ask: bool = False

    def __bool__(self) -> bool:
        return bool(self.clause)


@dataclass(frozen=True)
class Policy:
    """What may be used here."""

    commercial: bool = False
    territory: str = ""
    offline: bool = False
    accept: tuple[str, ...] = ()

    def verdict(self, spec: BackendSpec, params: Mapping[str, Any] | None = None) -> Verdict:
        """What stands against this step with these parameters, the hardest first."""
        terms = licences(spec, params or {})
        asked = self._away(spec, params or {})
        if self.offline and asked:
            return Verdict(f"asks the server {asked}, and nothing may leave this machine (offline)")
        if self.territory and self.territory in _excluded(spec.territory):
            return Verdict(f"may not be used in {self.territory}. Its licence, {spec.license}, says: {spec.territory}")
        barred = next((text for text in terms if _NO_TRADE.search(text)), "")
        if self.commercial and barred:
            return Verdict(f"may not be used commercially. Its licence is {barred}")
        if spec.id in self.accept:
            return Verdict()
        unknown = next((text for text in terms if text.startswith("unknown")), "")
        if unknown and (spec.remote or self.commercial):
            said = unknown.removeprefix("unknown").lstrip(": ") or "nobody told"
            return Verdict(f"has terms that are not known here ({said})", ask=True)
        strict = next((text for text in terms if not is_free(text)), "")
        if self.commercial and strict:
            return Verdict(f"has terms for commercial use. Its licence is {strict}", ask=True)
        if self.territory and spec.territory != "worldwide" and not _excluded(spec.territory):
            return Verdict(f"may not hold in {self.territory}. Its licence says: {spec.territory}", ask=True)
        return Verdict()

    def _away(self, spec: BackendSpec, params: Mapping[str, Any]) -> str:
        """The host that a remote backend would ask; empty for this machine."""
        import ipaddress
        from urllib.parse import urlsplit

        url = next((param.default for param in spec.params if spec.remote and param.name == "url"), "")
        try:
            host = urlsplit(str(params.get("url", url))).hostname or ""
            return "" if host == "localhost" or ipaddress.ip_address(host).is_loopback else host
        except ValueError:
            return host if spec.remote else ""

    def check(self, recipe: Recipe) -> None:
        """Raise `UserError` of the kind licence for the first step that does not fit."""
        for step in recipe.steps:
            spec = spec_of(step.do)
            found = self.verdict(spec, step.params)
            if found:
                raise refusal(spec, found)

    def also(self, other: Policy) -> Policy:
        """Both at once; a country that is named later counts."""
        return Policy(
            self.commercial or other.commercial,
            other.territory or self.territory,
            self.offline or other.offline,
            tuple(dict.fromkeys((*self.accept, *other.accept))),
        )

    def save(self) -> None:
        rows = {"version": 1, **{name: getattr(self, name) for name in _TYPES}}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in rows.items())  # JSON is TOML here
        whole.write(data_folder() / NAME, text.encode())


def refusal(spec: BackendSpec, verdict: Verdict) -> UserError:
    text = f"{spec.label} {verdict.clause}."
    if verdict.ask:
        hint = f"Read the terms. If they suit you, run with --accept {spec.id}, or write it under accept in {NAME}."
        return UserError(text, kind="policy", hint=hint)
    return UserError(f"{text} Choose another backend.", kind="policy")


def _excluded(territory: str) -> list[str]:
    """Codes of the countries that a text such as "not in the United Kingdom and South Korea" leaves out."""
    text = territory.lower()
    if not text.startswith("not in"):
        return []
    return [code for name, codes in COUNTRIES.items() if name in text for code in codes]


def country(text: str) -> str:
    """A code of two letters; raises `UserError` on what is none."""
    code = text.strip().upper()
    if code and not re.fullmatch("[A-Z]{2}", code):
        raise UserError(f"A territory is a country's code of two letters such as DE, not {text!r}.", kind="usage")
    return "GB" if code == "UK" else code


def stored(folder: Path | None = None) -> Policy:
    """What the data folder holds; raises `UserError` where its file is damaged: then nobody knows what is allowed."""
    path = (folder or data_folder()) / NAME
    if not path.exists():
        return Policy()
    data = read_toml(path)
    known(path, data, _TYPES)
    for name, value in data.items():
        what, good = _TYPES[name]
        if not good(value):
            raise UserError(f"{path}: {name} is {what}, not {str(value)[:60]!r}. Mend the file.", kind="usage")
    accept = tuple(data.get("accept", ()))
    try:
        territory = country(data.get("territory", ""))
    except UserError as error:
        raise UserError(f"{path}: {error}", kind="usage") from None
    return Policy(data.get("commercial", False), territory, data.get("offline", False), accept)


_chosen = Policy()


def choose(policy: Policy) -> None:
    """From now on this counts in this process too, beside what is stored."""
    global _chosen
    _chosen = replace(policy, territory=country(policy.territory))


def current() -> Policy:
    """All that counts here: what is stored, the environment, what was chosen."""
    env = {name: os.environ.get(f"GALATEA_{name}", "") for name in ("COMMERCIAL", "TERRITORY", "OFFLINE")}
    told = Policy(env["COMMERCIAL"] not in ("", "0"), country(env["TERRITORY"]), env["OFFLINE"] not in ("", "0"))
    return stored().also(told).also(_chosen)
