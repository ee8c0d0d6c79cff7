"""Machine code of the walks, kept on disk: where it is found there, a prediction needs no compiler.

Numba compiles; to import it and to let it look for what it has kept takes .7 s, fifty times as long as the walks of 500
combinations. LLVM's own loader, which is part of llvmlite, takes .08 s. Kept where numba keeps its code too: beside the
source, or in NUMBA_CACHE_DIR, which may be a folder that nobody may write to.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from skucast.core.kept_files import keep, kept
from skucast.forecast.panel import walks

LOOPS: tuple[Callable[..., None], ...] = (walks.walk, walks.walk_adding)

_COUNT, _FLOATS, _FLAGS, _INTS = "int64", "float64*", "uint8*", "int64*"
_KINDS = {
    **dict.fromkeys(("n_rows", "n_features", "n_trees", "n_groups"), _COUNT),
    **dict.fromkeys(("total", "values", "means", "leaves", "thresholds"), _FLOATS),
    "missing_left": _FLAGS,
}
"""What the loops' parameters are, by their names; all others are arrays of integers."""


@dataclass(frozen=True)
class Loops:
    """The loops as they are called; `engine` holds their code."""

    engine: Any
    functions: dict[str, Any]

    def __call__(self, name: str, *values: int | np.ndarray) -> None:
        """Run a loop; arrays are contiguous, and of the types that the loop wants."""
        given = [each.ctypes.data if isinstance(each, np.ndarray) else each for each in values]
        self.functions[name](ctypes.byref(ctypes.c_void_p()), None, *given)


@cache
def loops() -> Loops:
    """Return the loops, from what is kept on disk; else compiled, and kept if there is a place."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = _processor()
    file = _folder() / f"walks-{_name_of(cpu, features)}.code"
    code = kept(file)
    if code is None:
        code = _compiled(cpu, features)
        keep(file, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(cpu, features))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    found = {loop.__name__: _prototype(loop)(engine.get_function_address(_symbol(loop))) for loop in LOOPS}
    return Loops(engine, found)


def _folder() -> Path:
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return Path(folder) if folder else Path(__file__).parent / "__pycache__"


def _processor() -> tuple[str, str]:
    """The processor that the code is for, as numba is told: this one, or any that NUMBA_CPU_NAME names."""
    name = os.environ.get("NUMBA_CPU_NAME", "")
    features = os.environ.get("NUMBA_CPU_FEATURES", "")
    return (name, features) if name else (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def _name_of(cpu: str, features: str) -> str:
    """What code for this processor is called: another one than of other loops, or by another compiler."""
    sources = [Path(each).read_bytes() for each in (walks.__file__, __file__)]
    parts = [*sources, *(each.encode() for each in (llvmlite.__version__, llvm.get_process_triple(), cpu, features))]
    return sha256(b"\0".join(parts)).hexdigest()[:20]


def _machine(cpu: str, features: str) -> Any:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


def _compiled(cpu: str, features: str) -> bytes:
    """The loops as an object file that needs nothing beside itself."""
    import numba
    from numba.extending import register_jitable

    types: Any = numba.types
    register_jitable(walks.below)
    register_jitable(walks.add_step)
    module = llvm.parse_assembly("")
    for loop in LOOPS:
        plain = [getattr(types, kind.rstrip("*")) for kind in _kinds(loop)]
        pointed = [types.CPointer(of) if "*" in kind else of for of, kind in zip(plain, _kinds(loop), strict=True)]
        made = numba.cfunc(types.void(*pointed))(loop)
        module.link_in(llvm.parse_assembly(_alone(made.inspect_llvm(), made.native_name, _symbol(loop))))
    code: bytes = _machine(cpu, features).emit_object(module)
    return code


def _alone(text: str, callback: str, symbol: str) -> str:
    """The text of a compiled module without the callback, which calls Python; what that calls gets the name.

    That has two places more in front: for what it returns, and for an exception that it raises. It does neither.
    """
    without = re.sub(rf'^define [^\n]*@"?{re.escape(callback)}"?\(.*?^}}\n', "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(rf'@"?{re.escape(callback.removeprefix("cfunc."))}"?\(', f"@{symbol}(", without)


def _kinds(loop: Callable[..., None]) -> list[str]:
    return [_KINDS.get(name, _INTS) for name in inspect.signature(loop).parameters]


def _symbol(loop: Callable[..., None]) -> str:
    return f"skucast_{loop.__name__}"


def _prototype(loop: Callable[..., None]) -> Any:
    given = [ctypes.c_int64 if kind == _COUNT else ctypes.c_void_p for kind in _kinds(loop)]
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *given)
