"""Where a teacher computes, and in which number type: float32, or bfloat16 where it is faster."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from skm2v._checks import require
from skm2v._distillation.teacher.extras import import_extra
from skm2v.exceptions import TeacherError

__all__ = [
    "TEACHER_DTYPES",
    "TeacherDType",
    "autocast",
    "check_can_compute",
    "check_teacher_dtype",
    "of_dtype",
    "pick_device",
]

TeacherDType: TypeAlias = Literal["float32", "bfloat16"]
TEACHER_DTYPES: tuple[str, ...] = get_args(TeacherDType)

# What torch and Linux call the instructions, of Intel and AMD, and of Arm. Without them torch
# imitates bfloat16, which takes twice as long as float32.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}
_CPUINFO = Path("/proc/cpuinfo")


def pick_device(device: str | None) -> str:
    """Return the torch device to use; None or "auto" means the fastest that is there.

    Raises
    ------
    TeacherError
        If there is no such device.
    """
    torch = import_extra("torch")
    if device in (None, "auto"):
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).cpu()  # what a name promises, only use shows
    except Exception as error:  # of many kinds, by device and version
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise TeacherError(
            f"device={device!r} cannot be used; there is {', '.join(_devices(torch))} here. Choose"
            f" one of these, or leave device at None. What torch says: {reason:.160}"
        ) from error
    return str(chosen)


def _devices(torch: Any) -> list[str]:
    """Names of the devices that are here."""
    names = ["'cpu'"]
    if torch.cuda.is_available():
        names += [f"'cuda:{i}'" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("'mps'")
    return names


def check_teacher_dtype(dtype: object) -> None:
    """Refuse what is no number type of a teacher.

    Raises
    ------
    ValueError
        If it is none.
    """
    wanted = "'float32' or 'bfloat16'"
    require(isinstance(dtype, str) and dtype in TEACHER_DTYPES, "teacher_dtype", dtype, wanted)


def of_dtype(fingerprint: str, dtype: str) -> str:
    """Return the fingerprint of what a teacher says that computes in a number type."""
    return fingerprint if dtype == "float32" else f"{fingerprint}-{dtype}"


def check_can_compute(dtype: str, device: str) -> None:
    """Refuse a number type that a device has no instructions for: it would be slower, not faster.

    Raises
    ------
    TeacherError
        If so, or if nothing tells.
    """
    if dtype == "float32":
        return
    torch = import_extra("torch")
    kind = torch.device(device).type
    if kind == "cpu":
        flags = _processor_flags(torch)
        if flags & _INSTRUCTIONS:
            return
        lacks = (
            "this processor has no instructions for it (AVX512_BF16, AMX_BF16, BF16 of Arm)"
            if flags
            else f"torch {torch.__version__} does not tell what this processor can do"
        )
    elif kind == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        if torch.version.hip or major >= 8:
            return
        lacks = "this GPU has no instructions for it (compute capability 8.0)"
    else:
        lacks = "it is known to be faster on processors and CUDA devices only"
    raise TeacherError(
        f"teacher_dtype={dtype!r} cannot be used on device {device!r}: {lacks}, and the pass would"
        " take longer, not less. Leave teacher_dtype at 'float32'."
    )


def autocast(dtype: str, device: str) -> AbstractContextManager[Any]:
    """Let products of matrices and attention compute in a number type.

    Sums of layers, their normalisation and the weights themselves stay float32: vectors move a
    third as far as those of a model that is bfloat16 throughout, in nearly the same time. Inside of
    one such context weights are converted once.
    """
    if dtype == "float32":
        return nullcontext()
    torch = import_extra("torch")
    context: AbstractContextManager[Any] = torch.autocast(
        torch.device(device).type, dtype=getattr(torch, dtype)
    )
    return context


def _processor_flags(torch: Any) -> set[str]:
    """Names of what the processor has; empty if neither torch nor Linux tells."""
    tell = getattr(torch.cpu, "get_capabilities", None)
    if tell is not None:
        return {name for name, has in tell().items() if has is True}
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return {flag for line in lines for flag in line.split()}
