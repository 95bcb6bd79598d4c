# SPDX-License-Identifier: GPL-3.0-or-later
"""Dockerfile and compose files against the repository: no engine builds them here, so all that they name is looked up.

What this cannot tell: whether the base image has what it should, and whether the image is built and starts.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from galatea.backend.cli import parser

from . import days

ROOT = days.ROOT
KNOWN = {
    *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
    *("STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
TOP = {"name", "secrets", "services", "volumes"}
SERVICE = {
    *("build", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image"),
    *("init", "ports", "profiles", "restart", "secrets", "security_opt", "shm_size", "stop_grace_period", "volumes"),
}
SECRET = re.compile(
    r"galatea_[\w-]{20,}|hf_\w{20,}|AKIA\w{16}|PRIVATE KEY|(password|_token|_secret)[ \t]*[=:][ \t]*\S", re.I
)


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = [line.strip() for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def of(name: str) -> list[str]:
    return [text for each, text in instructions() if each == name]


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


def nodes() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = compose()["services"]
    return services


def port() -> str:
    words = nodes()["head"]["command"]
    return str(words[words.index("--port") + 1])


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(), re.M)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


def kept_out(path: str) -> bool:
    """By .dockerignore: the last line that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            pattern, parts = line.lstrip("!"), path.split("/")
            anywhere = pattern.startswith("**/") and any(fnmatch(part, pattern[3:]) for part in parts)
            if fnmatch(parts[0], pattern) or anywhere:
                out = not line.startswith("!")
    return out


def test_every_instruction_is_one_and_stands_where_it_may() -> None:
    names = [name for name, _ in instructions()]
    assert set(names) <= KNOWN
    assert names[:2] == ["ARG", "FROM"] and names.count("FROM") == 1
    assert [names.count(name) for name in ("ENTRYPOINT", "CMD", "USER", "HEALTHCHECK")] == [1, 1, 1, 1]
    for name in ("ENTRYPOINT", "CMD", "VOLUME"):
        assert all(isinstance(word, str) for word in json.loads(of(name)[0])), "as JSON, so that signals arrive"


def test_what_is_copied_is_there_and_is_sent_to_the_engine() -> None:
    copied = [shlex.split(text) for text in of("COPY")]
    for *sources, target in copied:
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not kept_out(source), source
            assert not (ROOT / source).is_dir() or target == f"./{source}", "a folder's content, not the folder"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    sent = {path.split("/")[0] for path in tracked if not kept_out(path)}
    named = {source for *sources, _ in copied for source in sources}
    assert not tracked or sent <= named, "nothing is sent for nothing"


@pytest.mark.parametrize("path", [".git/config", ".env", ".venv/bin/pip", "home/server/tokens.json", "work/a.png",
                                  "policy.toml", "backend/cli/__pycache__/x.pyc", "tests/conftest.py"])  # fmt: skip
def test_what_is_no_part_of_it_is_not_sent(path: str) -> None:
    assert kept_out(path)


def test_the_image_holds_what_the_package_reads() -> None:
    copied = {source for text in of("COPY") for source in shlex.split(text)[:-1]}
    code = [path for folder in ("backend", "addon") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in code for name in re.findall(r'parents\[\d\] / "(\w+)"', path.read_text())}
    tops = {path.name for path in ROOT.iterdir()}
    assert {name for name in named & tops if name not in ("tests", "tools", "docs", "benchmarks")} <= copied
    assert re.search(r'readme = "(.+)"', (ROOT / "pyproject.toml").read_text())[1] in copied  # type: ignore[index]


def test_libraries_are_those_that_setup_installs() -> None:
    setup = re.search(r"^LIBRARIES=\((.+)\)$", (ROOT / "tools/setup.sh").read_text(), re.M)
    installed = re.search(r"--no-install-recommends\s+([^&]+)", of("RUN")[0])
    assert setup and installed and set(setup[1].split()) == set(installed[1].split())


def test_packages_are_pinned_to_the_last_and_as_the_tests_have_them() -> None:
    mine, below, dev = pins("requirements-studio.txt"), pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: dev[name] for name in mine} == mine, "those that the tests run with"
    assert not set(mine) & set(below) and "-r requirements.txt\n" in (ROOT / "requirements-studio.txt").read_text()
    from packaging.requirements import Requirement

    for name in mine:
        if not find_spec("ray"):
            pytest.skip("ray is not installed")
        for text in metadata.requires(name) or ():
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": "", "sys_platform": "linux"}):
                wanted = re.sub(r"[-_.]+", "-", need.name).lower()
                assert wanted in mine or wanted in below, f"{name} needs {wanted}"


def test_both_variants_are_known_to_the_build() -> None:
    build = next(text for text in of("RUN") if "VARIANT" in text)
    assert "cpu)" in build and "gpu)" in build and "exit 2" in build
    assert build.count("-r requirements-studio.txt") == 2
    assert nodes()["server"]["build"]["args"] == {"VARIANT": "${VARIANT:-cpu}"}
    cards = compose("compose.gpu.yaml")["services"]
    assert set(cards) <= set(nodes())
    for service in cards.values():
        [device] = service["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"]


def test_nobody_is_root_and_nothing_is_secret() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", of("USER")[0])
    names = [name for name, _ in instructions()]
    assert "RUN" not in names[names.index("USER") + 2 :] or "doctor" in of("RUN")[-1]
    for name in ("Dockerfile", "compose.yaml", "compose.gpu.yaml", ".dockerignore"):
        assert not SECRET.search((ROOT / name).read_text()), name
    for service in nodes().values():
        assert service["cap_drop"] == ["ALL"] and not {"privileged", "user", "network_mode"} & set(service)


def test_the_server_is_started_as_its_parser_takes_it() -> None:
    ports = set()
    for words in (json.loads(of("CMD")[0]), nodes()["server"]["command"]):
        options = parser().parse_args([str(word) for word in words])
        assert options.verb == "serve" and options.host == "0.0.0.0"
        ports.add(options.port)
    assert json.loads(of("ENTRYPOINT")[0]) == ["galatea"]
    [port] = ports
    assert of("EXPOSE") == [str(port)] and f"127.0.0.1:{port}/health" in of("HEALTHCHECK")[0]
    assert nodes()["server"]["ports"] == [f"127.0.0.1:{port}:{port}"], "not to the world without a proxy"
    assert int(nodes()["server"]["stop_grace_period"].removesuffix("s")) > options.drain
    routes = (ROOT / "backend/server/routes_server.py").read_text()
    assert '"/health"' in routes
    code = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])
    assert code[:2] == ["python", "-c"] and compile(code[2], "healthcheck", "exec")


def test_the_files_of_compose_hold_together() -> None:
    whole = compose()
    assert {name for name in whole if not name.startswith("x-")} == TOP
    for name, service in nodes().items():
        assert set(service) <= SERVICE, name
        for mount in service["volumes"]:
            source, target = mount.split(":")[:2]
            assert source in whole["volumes"] or source.startswith("./"), mount
            assert target in ("/data", "/data/weights", "/work"), mount
        assert set(service.get("depends_on", {})) <= set(nodes())
    assert {"/data", "/data/weights"} == set(json.loads(of("VOLUME")[0]))
    assert "GALATEA_HOME=/data " in of("ENV")[-1]
    assert "weights:/data/weights:ro" in nodes()["worker"]["volumes"]
    assert nodes()["head"]["volumes"] == nodes()["worker"]["volumes"], "one folder of jobs"
    for name in ("head", "worker"):
        assert "ports" not in nodes()[name], "who reaches Ray can run what they like"
        [secret] = nodes()[name]["secrets"]
        assert nodes()[name]["environment"]["RAY_AUTH_TOKEN_PATH"] == f"/run/secrets/{secret}"
        kept = whole["secrets"][secret]["file"].removeprefix("./")
        assert kept in (ROOT / ".gitignore").read_text().split() and kept_out(kept)


@pytest.mark.skipif(not find_spec("ray"), reason="ray is not installed")
def test_ray_knows_every_word_that_it_is_given() -> None:
    ray, verbs = Path(sys.executable).with_name("ray"), ("start", "health-check")
    helps = {verb: subprocess.run([ray, verb, "--help"], capture_output=True, text=True).stdout for verb in verbs}
    for name in ("head", "worker"):
        service = nodes()[name]
        assert service["entrypoint"] == ["ray"] and service["healthcheck"]["test"][:2] == ["CMD", "ray"]
        for verb, *words in (service["command"], service["healthcheck"]["test"][2:]):
            flags = {str(word) for word in words if str(word).startswith("--")}
            assert flags <= set(re.findall(r"--[\w-]+", helps[verb])), verb
            addresses = [words[k + 1] for k, word in enumerate(words) if word == "--address"]
            assert all(address == f"head:{port()}" for address in addresses)


def test_the_commands_of_the_page_name_services_and_verbs() -> None:
    [block] = [block for block in days.blocks() if block.title == days.CONTAINERS]
    for line in block.text.splitlines():
        words = shlex.split(line)
        files = [words[k + 1] for k, word in enumerate(words) if word == "-f"]
        assert all((ROOT / name).is_file() for name in files)
        for verb, skip in (("run", ("--rm",)), ("exec", ())):
            if verb in words and words[0] == "docker":
                service, *rest = [word for word in words[words.index(verb) + 1 :] if word not in skip]
                assert service in nodes(), line
                parser().parse_args(rest[1:] if rest[0] == "galatea" else rest)
        if "--profile" in words:
            profiles = {each for service in nodes().values() for each in service.get("profiles", [])}
            assert words[words.index("--profile") + 1] in profiles


def test_it_is_said_that_they_were_never_built() -> None:
    assert "could not be built" in " ".join(days.PAGE.read_text().replace("**", "").split())
    assert "could not be built" in " ".join((ROOT / "Dockerfile").read_text().split())
    assert sys.version_info[:2] == (3, 11) and "python:3.11" in of("ARG")[0]
