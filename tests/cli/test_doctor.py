# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea doctor`: what it finds, what it says to do, and that nobody's secrets and names are in what it tells."""

from __future__ import annotations

import json
import os
import socket
import zipfile
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import main
from galatea.backend.cli.doctor import blender, data, line, machine
from galatea.backend.cli.doctor.redact import Redact
from galatea.backend.protocol.job import Failure, JobState, Request, Result
from galatea.backend.protocol.store import JobStore

from .processes import galatea

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
ENVIRONMENT = {
    "HF_TOKEN": "hf_abcdefPlantedToken",
    "GALATEA_REMOTE_KEY": "plain-words-9218",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIplanted",
    "STUDIO_PASSWORD": "correct horse 77",
    "USER": "janedoe",
    "LOGNAME": "janedoe",
}
LOGIN = "otherlogin-4455667788"
FORMS = ("AKIAIOSFODNN7EXAMPLE", "pw99887766", JWT, "MIIEowIBAAKCAQEA", "maryann", "otheruser", "sk-planted12345678")
PROMPT, INPUT = "a dragon that nobody knows of yet", "clientlogo"
READ = 'Read blend: "~/.local/share/galatea/inputs/My Suzi-56e4bb68765d.blend"'
JOB = "fake-" + "0" * 20


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose data folder holds a failure that says all that it should not."""
    home = tmp_path / "people" / "janedoe"
    folder = home / "data"
    (home / ".cache" / "huggingface").mkdir(parents=True)
    (home / ".cache" / "huggingface" / "token").write_text(LOGIN)
    store = JobStore(folder / "jobs")
    secrets = " ".join(ENVIRONMENT.values())
    message = f"Cannot open {home}/photos/toad.png: {secrets} {LOGIN}, {INPUT}.jpg is cut short"
    trace = "\n".join(
        (
            'File "/home/otheruser/tool.py", C:\\Users\\MaryAnn\\scene.blend, file:///Users/maryann/x',
            "https://janedoe:pw99887766@host.example.org/x?X-Amz-Signature=sk-planted12345678",
            f"AKIAIOSFODNN7EXAMPLE Authorization: Bearer {JWT}",
            f"{PEM} janedoe@studio.example.org on {socket.gethostname()}",
        )
    )
    store.add(Request(JOB, "fake", {"image": f"/x/{INPUT}.jpg"}, {"text": PROMPT, "seconds": 0.5}, 3))
    store.publish(Result(JOB, JobState.FAILED, failure=Failure(message, "input", secrets, trace), started=1e9))
    (store.root / "logs").mkdir()
    (store.root / "logs" / "bundled-1.log").write_text(f"started\n{message}\n{trace}\n{READ}\n")
    return {**os.environ, **ENVIRONMENT, "HOME": str(home), "GALATEA_HOME": str(folder), "HF_HOME": ""}


def test_a_bundle_helps_and_tells_nothing_of_anybody(planted: dict[str, str], tmp_path: Path) -> None:
    del planted["HF_HOME"]
    path = tmp_path / "doctor.zip"
    done = galatea("doctor", "--json", "--bundle", path, env=planted)
    assert done.returncode in (0, 1), done.stderr
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert {"Blender", "Films", "Drawing", "Full environment", "Memory", "Ports", "Failed"} <= set(findings)
    assert findings["Films"]["state"] != "fail" and "mp4" in findings["Films"]["found"]
    assert all(finding["fix"] for finding in findings.values() if finding["state"] != "ok")
    assert "Cannot open ~/photos/toad.png" in findings["Failed"]["found"] and JOB in findings["Failed"]["fix"]
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {"README.txt", "findings.txt", "findings.json", f"jobs/{JOB}.json", "logs/bundled-1.log"} <= set(texts)
    job = json.loads(texts[f"jobs/{JOB}.json"])
    assert (
        job["params"]["seconds"] == 0.5 and job["failure"]["kind"] == "input" and job["inputs"]["image"] == "<file>.jpg"
    )
    assert (
        'inputs/<file>-56e4bb68765d.blend"' in texts["logs/bundled-1.log"] and "Suzi" not in texts["logs/bundled-1.log"]
    )
    assert texts["logs/bundled-1.log"].startswith("started\nCannot open ~/photos/toad.png")
    packed = "\n".join((*texts, *texts.values())).lower()
    assert INPUT not in packed and "<file>.jpg is cut short" in packed
    told = f"{done.stdout}\n{packed}".lower()
    for word in (*ENVIRONMENT.values(), LOGIN, *FORMS, PROMPT):
        assert word.lower() not in told, word
    host = socket.gethostname()
    assert host == "localhost" or len(host) < 3 or f" {host.lower()}" not in told
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("galatea models pull triposr, galatea_role", "galatea models pull triposr, galatea_role"),
        ("stabilityai/TripoSG@abc is not here", "stabilityai/TripoSG@abc is not here"),
        ("https://example.org/model?page=2", "https://example.org/model?page=2"),
        ("16 tokens of 4 s at /mnt/show/seq010", "16 tokens of 4 s at /mnt/show/seq010"),
        ('{"api_key": "abcdef"}', '{"api_key": "<secret>"}'),
        ("s3://key:more@bucket", "s3://<secret>@bucket"),
        ("Blender 5.0, root, /root2", "Blender 5.0, root, /root2"),
        ("Mend it in /day/home/backends/ours.py", "Mend it in /day/home/backends/ours.py"),
        ("/home/backendsmith/x, /nfs/home/ada/x", "/home/<user>/x, /nfs/home/<user>/x"),
    ],
)
def test_what_is_needed_to_help_stays(text: str, left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("USER", "root")
    assert Redact()(text) == left


def test_a_secret_is_found_inside_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDER_API_KEY", "a/b+c?d=e")
    redact = Redact()
    assert redact("xa/b+c?d=ey and a%2Fb%2Bc%3Fd%3De") == "x<secret>y and <secret>"
    assert redact.deep({"SOME_TOKEN": "anything", "n": [1, "a/b+c?d=e"]}) == {
        "SOME_TOKEN": "<secret>",
        "n": [1, "<secret>"],
    }


def program(path: Path, *lines: str) -> str:
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return str(path)


ABOUT = 'echo \'{"blender": "5.0.1", "version": [5, 0, 1], "python": "3.11.9"}\''
CARD = 'echo \'{"cycles": "OPTIX", "cards": ["NVIDIA H200"], "denoiser": true}\''
FILMS = 'echo \'{"films": {"mp4": true, "av1": false, "prores": false}}\''


@pytest.mark.parametrize(
    ("lines", "what", "state", "says"),
    [
        ([ABOUT, CARD, FILMS, "echo '{\"drawing\": true}'", "kill -9 $$"], "Drawing", "warn", "ends when it draws"),
        (
            [ABOUT, CARD, FILMS, "echo '{\"drawing\": true}'", "kill -9 $$"],
            "Films",
            "warn",
            "packs mp4, not av1, prores",
        ),
        ([ABOUT, CARD, FILMS], "Cycles", "ok", "OPTIX: NVIDIA H200"),
        ([ABOUT, CARD, FILMS, 'echo \'{"draws": "llvmpipe (LLVM 19)"}\''], "Drawing", "warn", "llvmpipe"),
        ([ABOUT, "exit 3"], "Films", "fail", "could not be tried: it ended with 3"),
        ([ABOUT.replace("[5, 0, 1]", "[4, 1, 0]")], "Blender", "fail", "5.0.1"),
        (["echo no such library >&2", "exit 127"], "Blender", "fail", "ended with 127 no such library"),
        (["echo '{broken'"], "Blender", "fail", "does not answer"),
    ],
)
def test_a_blender_that_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], what: str, state: str, says: str
) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path))
    found = {each["what"]: each for each in blender.tried(program(tmp_path / "blender", *lines))}
    assert found[what]["state"] == state and says in found[what]["found"], found
    assert state == "ok" or found[what]["fix"]


def test_a_blender_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path))
    (found,) = blender.tried(str(tmp_path / "nowhere"))
    assert found["state"] == "fail" and "GALATEA_BLENDER" in found["fix"]


def one(findings: Any) -> dict[str, str]:
    (found,) = findings
    return dict(found)


def test_the_graphics_card_and_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program(tmp_path / "nvidia-smi", 'echo "NVIDIA H200, 570.124, 143771 MiB, 140001 MiB"')
    assert one(machine.card())["found"] == "NVIDIA H200, driver 570.124, 140001 MiB of 143771 MiB free"
    program(tmp_path / "nvidia-smi", "echo Driver/library version mismatch", "exit 18")
    broken = one(machine.card())
    assert broken["state"] == "fail" and "driver" in broken["fix"]
    torch = '{"torch": "2.13.0", "built": "", "cards": []}'
    program(tmp_path / "nvidia-smi", "echo GPU 0")
    own = Path(program(tmp_path / "python", f"echo '{torch}'"))
    monkeypatch.setattr(machine, "environment_python", lambda folder: own)
    blind = one(machine.full())
    assert blind["state"] == "warn" and "--accelerator cuda" in blind["fix"]
    program(own, "exit 1")
    assert one(machine.full())["state"] == "fail"


def test_a_worker_python_that_is_none_is_told_by_the_name_of_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = '{"torch": "2.13.0", "built": "", "cards": []}'
    named = tmp_path / "python"
    monkeypatch.setenv(machine.WORKER, str(named))
    for script in ("", "exit 1"):
        if script:
            program(named, script)
        found = one(machine.full())
        assert (found["state"], found["what"]) == ("fail", "Worker Python") and str(named) in found["found"]
        assert "Worker Python in the preferences" in found["fix"]
    program(named, f"echo '{torch}'")
    found = one(machine.full())
    assert found["what"] == "Full environment" and found["found"].startswith(str(named))


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        monkeypatch.setattr(machine, "PORT", busy.getsockname()[1])
        found = one(machine.ports())
    assert found["state"] == "warn" and "--port" in found["fix"]


def test_a_data_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "file" / "data"))
    assert one(data.folders())["state"] == "fail"


def test_weights_that_were_begun_and_a_shared_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from galatea.backend.hub import Kept
    from galatea.backend.protocol.catalog import spec_of

    monkeypatch.setenv("GALATEA_HOME", str(tmp_path))
    monkeypatch.setenv("GALATEA_WEIGHTS", str(tmp_path / "unplugged"))
    kept = Kept(spec_of("triposr").weights[0])
    part = kept.part(kept.weights.files[0])
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x")
    found = {each["what"]: each for each in data.weights()}
    assert found["Models"]["state"] == "warn" and "galatea models pull triposr" in found["Models"]["fix"]
    assert found["Shared weights"]["state"] == "warn" and "galatea models folder" in found["Shared weights"]["fix"]


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [("there.zip", 7, "there already"), ("a.txt", 2, "no name for a zip"), ("no/a.zip", 7, "no folder")],
)
def test_a_bundle_that_cannot_be_written_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, code: int, says: str
) -> None:
    (tmp_path / "there.zip").write_text("mine")
    assert main(["doctor", "--bundle", str(tmp_path / name)]) == code
    out, err = capsys.readouterr()
    assert says in err and not out and (tmp_path / "there.zip").read_text() == "mine"


def test_a_line_has_its_fix_below() -> None:
    found = {"state": "warn", "what": "Ports", "found": "8420 is taken", "fix": "Choose another."}
    assert line(found) == "warn  Ports: 8420 is taken\n       Choose another.\n"


def test_a_policy_that_nobody_can_read_is_a_finding_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path))
    assert [found["found"] for found in data.allowed()] == ["no limits"]
    (tmp_path / "policy.toml").write_text('version = 1\nterritory = "DE"\noffline = true\n')
    assert [found["found"] for found in data.allowed()] == ["DE, offline"]
    (tmp_path / "policy.toml").write_text("commercial = [\n")
    said = galatea("doctor", "--json")
    findings = {found["what"]: found for found in json.loads(said.stdout)}
    assert said.returncode == 1 and findings["Policy"]["state"] == "fail"
    assert "policy.toml" in findings["Policy"]["fix"] and "Data folder" in findings
    assert galatea("jobs", "list").returncode == 2, "all other verbs refuse"
