# SPDX-License-Identifier: GPL-3.0-or-later
"""Needed against free: what is chosen, what is said, what happens when it was wrong. Memory and devices are made up,
for the machines of the tests have neither."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub import device, memory, support
from galatea.backend.hub.device import Plan, choose, run_within, with_less
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.spec import BackendSpec

torch = pytest.importorskip("torch")
WAYS = (("fp16", 8.0), ("fp16+chunks", 6.0), ("int8+chunks", 4.0), ("int8+chunks+offload", 2.0), ("fp32", 12.0))


class Report:
    def __init__(self) -> None:
        self.device, self.said, self.metrics = "", list[str](), dict[str, Any]()

    def warn(self, text: str) -> None:
        self.said.append(text)

    def metric(self, name: str, value: Any) -> None:
        self.metrics[name] = value


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """GB free by device; what is not in it is not there."""
    free = {"cpu": 20.0}
    names = lambda asked: [n for n in sorted(free, key="cpu".__eq__) if asked in ("auto", n.partition(":")[0])]  # noqa: E731
    monkeypatch.setattr(device, "devices", names)
    monkeypatch.setattr(memory, "device", lambda name: free[name])
    monkeypatch.setattr(support, "bf16_pays", lambda: False)
    monkeypatch.setattr(support, "_bf16", lambda name: True)
    return free


def plan(ways: tuple[tuple[str, float], ...] = WAYS, report: Report | None = None, **params: str) -> Plan:
    spec = BackendSpec("demo", "Demo", "check", "", memory=ways)
    return choose(spec, {"precision": "auto", "device": "auto", **params}, report or Report())


@pytest.mark.parametrize(
    ("free", "chosen"),
    [
        (9.0, "fp16 on cuda:0"),
        (7.0, "fp16+chunks on cuda:0"),
        (4.0, "int8+chunks on cuda:0"),
        (3.9, "int8+chunks+offload on cuda:0"),
        (1.0, "int8+chunks on cpu"),
    ],
)
def test_the_first_way_that_fits(machine: dict[str, float], free: float, chosen: str) -> None:
    machine["cuda:0"] = free
    report = Report()
    made = plan(report=report)
    assert str(made) == chosen == report.metrics["plan"] and report.device == made.device
    if free == 9.0:
        assert not report.said
    else:
        assert report.said == [f"fp16 on cuda:0 needs 8.0 GB, {free:.1f} GB of cuda:0 are free: {chosen} is used."]


def test_where_nothing_fits_the_numbers_are_told(machine: dict[str, float]) -> None:
    machine.update({"cpu": 3.0, "cuda:0": 1.5})
    with pytest.raises(UserError) as caught:
        plan()
    assert caught.value.kind == "device"
    assert "int8+chunks+offload on cuda:0 needs 2.0 GB, 1.5 GB of cuda:0 are free" in str(caught.value)
    assert "int8+chunks on cpu needs 4.0 GB, 3.0 GB of cpu are free" in str(caught.value)


def test_what_was_asked_for_is_kept_to(machine: dict[str, float]) -> None:
    machine["cuda:0"] = 5.0
    assert str(plan(device="cpu")) == "int8+chunks on cpu", "the best that the processor has, in the order of the spec"
    assert str(plan(device="cpu", precision="fp32")) == "fp32 on cpu"
    assert str(plan(precision="int8")) == "int8+chunks on cuda:0"
    with pytest.raises(UserError, match=r"fp16\+chunks on cuda:0 needs 6.0 GB.*device=auto"):
        plan(device="cuda", precision="fp16")
    with pytest.raises(UserError, match="has fp16, int8, fp32, not bf16"):
        plan(precision="bf16")
    with pytest.raises(UserError, match=r"not for this device.*never in fp16"):
        plan(device="cpu", precision="fp16")


def test_an_unknown_amount_is_taken_for_enough(machine: dict[str, Any]) -> None:
    machine["mps"] = None
    assert str(plan()) == "fp16 on mps"


def test_no_such_device_is_told() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(UserError, match=r"torch finds no cuda device here. There is: .*cpu") as caught:
        plan(device="cuda")
    assert caught.value.kind == "device"


@pytest.mark.parametrize(("has", "chosen", "dtype"), [(True, "bf16", torch.bfloat16), (False, "fp32", torch.float32)])
def test_bf16_on_a_processor_where_it_pays(
    machine: dict[str, float], monkeypatch: pytest.MonkeyPatch, has: bool, chosen: str, dtype: Any
) -> None:
    monkeypatch.setattr(support, "bf16_pays", lambda: has)
    made = plan((("fp32", 4.0), ("bf16", 2.0)))
    assert (made.precision, made.dtype) == (chosen, dtype)
    machine["cuda:0"] = 9.0
    assert plan((("fp32", 4.0), ("bf16", 2.0))).precision == "fp32", "a card takes the spec's order"
    monkeypatch.setattr(support, "_bf16", lambda name: False)
    machine["cuda:0"] = 3.0
    with pytest.raises(UserError):
        plan((("fp32", 4.0), ("bf16", 2.0)), device="cuda")


@pytest.mark.parametrize(
    ("capabilities", "isa", "has"),
    [
        ({"amx_bf16": True}, "", True),
        ({"amx_bf16": True}, "AVX512_CORE_BF16", False),
        ({"amx_bf16": True}, "AVX10_1_512_AMX", True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True, "amx_bf16": False}, "", True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, "AVX512_CORE_BF16", True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, "AVX512_CORE", False),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": False}, "", False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True, "amx_bf16": False}, "", False),
        ({}, "", False),
    ],
)
def test_bf16_pays_by_the_instruction(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, object], isa: str, has: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
    assert support.bf16_pays() is has
    assert support.suits("cpu", "bf16") is has and not support.suits("cpu", "fp16")


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried …"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        MemoryError(),
    ],
)
def test_a_crash_for_memory_is_freed_and_tried_one_step_lower(machine: dict[str, float], error: Exception) -> None:
    machine["cuda:0"] = 9.0
    report, tried, big = Report(), list[str](), list[Any]()

    def work(plan: Plan) -> str:
        gc.collect()
        tried.append(str(plan))
        assert not [each for each in big if each() is not None], "what the first attempt held is gone"
        if len(tried) == 1:
            model = torch.zeros(1000)
            big.append(weakref.ref(model))
            raise error.with_traceback(None)
        return f"made with {plan}"

    assert run_within(plan(report=report), work, report) == "made with fp16+chunks on cuda:0"
    assert tried == ["fp16 on cuda:0", "fp16+chunks on cuda:0"]
    assert report.said == ["fp16 on cuda:0 ran out of memory, planned were 8.0 GB: trying fp16+chunks on cuda:0."]
    assert report.metrics["plan"] == "fp16+chunks on cuda:0"


def test_a_second_crash_is_told(machine: dict[str, float]) -> None:
    machine["cuda:0"] = 9.0
    count = 0

    def work(plan: Plan) -> None:
        nonlocal count
        count += 1
        raise MemoryError

    with pytest.raises(UserError, match=r"Out of memory with fp16\+chunks on cuda:0.*Close other programs") as caught:
        run_within(plan(), work, Report())
    assert caught.value.kind == "device" and count == 2


def test_the_last_way_has_nothing_below(machine: dict[str, float]) -> None:
    machine["cpu"] = 4.5
    made = plan((("fp32", 4.0),))
    assert with_less(made) is None
    with pytest.raises(UserError, match=r"planned were 4.0 GB"):
        run_within(made, lambda plan: (_ for _ in ()).throw(MemoryError()), Report())


def test_other_errors_are_nobodys_business(machine: dict[str, float]) -> None:
    tried = []

    def work(plan: Plan) -> None:
        tried.append(plan)
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run_within(plan(), work, Report())
    assert len(tried) == 1


def test_a_real_allocation_that_cannot_be_is_known_for_one(machine: dict[str, float]) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 55, dtype=torch.uint8)
    assert device.out_of_memory(caught.value)


def test_this_machine_tells_its_memory() -> None:
    free = memory.processor()
    assert free is not None and 0.05 < free < 100_000


def test_a_container_s_limit_counts(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 24000000 kB\nMemAvailable: 20000000 kB\n")
    (proc / "self" / "status").write_text("Name: python\nRssAnon: 1000000 kB\n")
    (proc / "self" / "cgroup").write_text("0::/box/inner\n")
    (groups / "box" / "inner").mkdir(parents=True)
    assert memory._linux(proc, groups) == pytest.approx(21.504)
    for folder, limit in ((groups / "box", "8000000000"), (groups / "box" / "inner", "max")):
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text("3000000000")
        (folder / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    assert memory._linux(proc, groups) == pytest.approx(5.5 + 1.024)


def test_macos_counts_pages() -> None:
    text = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                              100000.
Pages active:                            500000.
Pages inactive:                          200000.
Pages speculative:                        10000.
Pages purgeable:                           5000.
"""
    assert memory._pages(text) == pytest.approx(315_000 * 16384 / 1e9)
    assert memory._pages("nonsense") is None
