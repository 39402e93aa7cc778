"""Client of normgate for kernels in Python: a worker in about ten lines.

    import numpy as np, normgate

    @normgate.kernel("op=rms_norm dtype=f32")
    def rms_norm(x, gamma, eps):
        square = (x * x).mean(-1, keepdims=True)
        return x / np.sqrt(square + np.float32(eps)) * gamma

    normgate.serve("my library 1.0")

Check it with: normgate check worker:'python3 FILE'

A kernel takes what it needs, by name:

    x residual dy dh            [rows, n], or [N, C, spatial] for batch_norm,
                                group_norm and instance_norm
    gamma beta                  [n] or [C]
    mean rstd                   where backward_stats=saved gives them: [rows];
                                [C], [N, num_groups] or [N, C]
    running_mean running_var    [C]
    eps momentum batches op pass_ rows n N C spatial num_groups
    call                        all of these as attributes, and the outputs

What the contract does not have is None. Arrays are views of memory shared with
normgate, read-only but for running statistics that are to be updated. In every
layout their shape is the same: the strides say where the elements lie.

It returns the outputs that its contract has, in this order, or a dict of them:
y h mean rstd var running_mean running_var dx dresidual dgamma dbeta. It may
instead write them into the arrays of `call` and return None. Under nullable=
a call may lack gamma, beta (None) and outputs (None in `call`; what is returned
for them is dropped, and may be left out). Under in_place=yes the memory of y may
be that of x, and dx that of dy: it is written after the function has returned.
numpy has no bf16: such arrays are uint16 bit patterns, for from_bf16 and to_bf16.
"""
import functools
import inspect
import json
import mmap
import os
import re
import sys
import types

import numpy as np

__all__ = ["Refused", "from_bf16", "kernel", "serve", "to_bf16"]
__version__ = "0.1.0"

PROTOCOL = 1
ELEMENTS = ("x", "residual", "dy", "dh", "y", "h", "dx", "dresidual")
SETS = ("mean", "rstd", "var")  # one value for each reduction set
PARAMETERS = ("x", "residual", "dy", "dh", "gamma", "beta", "mean", "rstd",
              "running_mean", "running_var", "eps", "momentum", "batches",
              "op", "pass_", "rows", "n", "N", "C", "spatial", "num_groups",
              "call")
OUTPUTS = ("y", "h", "mean", "rstd", "var", "running_mean", "running_var",
           "dx", "dresidual", "dgamma", "dbeta")  # as a tuple has them
DTYPES = {"f16": np.float16, "bf16": np.uint16, "f32": np.float32,
          "f64": np.float64}
WHY_MAX = 300  # characters; normgate keeps about as many

_kernels = {}  # name -> (contract, function, names of its parameters)


class Refused(Exception):
    """The arguments are invalid for the kernel, and nothing was done."""


def from_bf16(bits):
    """uint16 bit patterns of bf16 as float32, exactly."""
    bits = np.asarray(bits)
    if bits.dtype != np.uint16:
        raise TypeError(f"from_bf16 takes uint16 patterns, not {bits.dtype}")
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def to_bf16(values):
    """float16, float32 or float64 as uint16 bit patterns of bf16, rounded once
    to nearest even; NaN stays NaN."""
    values = np.asarray(values)
    if values.dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(f"to_bf16 takes binary floats, not {values.dtype}")
    with np.errstate(all="ignore"):  # overflow and NaN are legal values here
        near = values.astype(np.float32)
        bits = near.view(np.uint32)
        # Rounding f64 to f32 first, to nearest, could make a tie that was
        # none. Rounding it to odd cannot (Boldo and Melquiond 2008): of the
        # two f32 around an inexact value, take the one with the odd pattern.
        even = (near != values) & (bits & np.uint32(1) == 0)
        outward = np.abs(near) > np.abs(values)
        odd = np.where(outward, bits - np.uint32(1), bits + np.uint32(1))
        bits = np.where(even, odd, bits)
        half = np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))
        quiet = near.view(np.uint32) | np.uint32(0x400000)
        bits = np.where(np.isnan(values), quiet, bits + half)
        return (bits >> np.uint32(16)).astype(np.uint16)


def kernel(contract, name=None):
    """Registers a function under a contract ("op=rms_norm dtype=f32 ...",
    see `normgate list contracts`). Its default name is FUNCTION_DTYPE, so that
    one function may be registered for several dtypes."""
    def register(function):
        found = re.search(r"(?:^|\s)dtype=(\S+)", contract)
        label = name or (f"{function.__name__}_"
                         f"{found.group(1) if found else 'f32'}")
        if not re.fullmatch(r"[A-Za-z0-9_.+-]{1,63}", label):
            raise ValueError(f"kernel name {label!r} is not 1 to 63 of "
                             "A-Z a-z 0-9 _ . + -; give name=")
        if label in _kernels:
            raise ValueError(f"two kernels are named {label!r}; give name=")
        parameters = tuple(inspect.signature(function).parameters)
        for parameter in parameters:
            if parameter not in PARAMETERS:
                raise TypeError(f"{label} takes {parameter!r}; a kernel may "
                                f"take {', '.join(PARAMETERS)}")
        _kernels[label] = (contract, function, parameters)
        return function
    return register


def serve(name):
    """Answers normgate's calls on stdin until it is closed."""
    if not _kernels:
        raise ValueError("no kernels: decorate one with @normgate.kernel")
    if sys.stdin is None or sys.stdin.isatty():
        _explain_and_exit()
    requests, replies = _take_streams()
    with requests, replies:
        hello = _read_hello(requests)
        memory = _Memory(hello["memory"], hello["bytes"])
        _send(replies, {"normgate": PROTOCOL, "name": name,
                        "kernels": [_describe(label) for label in _kernels]})
        for line in requests:
            _send(replies, _answer(memory, json.loads(line)))


class _Memory:
    """The shared file, mapped twice: what a kernel must not write, it cannot.
    The file is large and sparse, so it is never read as a whole."""

    def __init__(self, path, size):
        with open(path, "r+b") as file:
            self.inputs = mmap.mmap(file.fileno(), size,
                                    access=mmap.ACCESS_READ)
            self.outputs = mmap.mmap(file.fileno(), size)

    def array(self, tensor, shape, strides=None):
        """`strides` in elements; without them the array is dense."""
        dtype = np.dtype(DTYPES[tensor["dtype"]])
        if strides is not None:
            strides = [stride * dtype.itemsize for stride in strides]
        return np.ndarray(shape, dtype,
                          self.outputs if tensor["output"] else self.inputs,
                          tensor["offset"], strides)


def _explain_and_exit():
    print(f"{sys.argv[0]} is a normgate worker; run it by: "
          f"normgate check worker:'python3 {sys.argv[0]}'", file=sys.stderr)
    sys.exit(2)


def _take_streams():
    """Keeps stdin and stdout for the protocol: what the user's code prints,
    also from C and also what it printed before, goes to stderr."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return requests, replies


def _read_hello(requests):
    try:
        hello = json.loads(requests.readline())
        if hello["hello"] == PROTOCOL:
            return hello
    except (ValueError, KeyError, TypeError):
        pass  # a person's input, or another program's
    _explain_and_exit()


def _send(replies, message):
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _describe(label):
    contract, function, _ = _kernels[label]
    described = {"name": label, "contract": contract}
    described.update(_source(function))
    return described


def _source(function):
    """Where it is written, as reports and CI servers show it: by the path from
    the folder that normgate runs in, where the file is below it."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    if not hasattr(function, "__code__"):
        function = getattr(type(function), "__call__", None)  # an object's
    code = getattr(function, "__code__", None)
    if code is None or code.co_filename.startswith("<"):
        return {}  # compiled, or not from a file
    path = os.path.realpath(code.co_filename)
    here = os.path.realpath(os.curdir)
    if os.path.commonpath([path, here]) == here:
        path = os.path.relpath(path, here)
    return {"file": path, "line": code.co_firstlineno}


def _answer(memory, call):
    number = call["call"]
    try:
        _run(memory, call)
    except (MemoryError, NotImplementedError) as error:
        return {"unsupported": number, "why": _why(error)}
    except Refused as error:
        return {"refused": number, "why": _why(error)}
    except Exception as error:  # whatever it is, it is a finding
        return {"error": number, "why": _why(error)}
    return {"done": number}


def _why(error):
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text.encode("utf-8", "replace").decode()[:WHY_MAX]


def _run(memory, call):
    _, function, parameters = _kernels[call["kernel"]]
    tensors, null = call.pop("tensors"), call.pop("null", ())
    arrays = {role: _array(memory, call, role, tensor)
              for role, tensor in tensors.items()}
    values = dict.fromkeys(PARAMETERS + OUTPUTS)
    values.update(call, **arrays, pass_=call["pass"])
    values["call"] = types.SimpleNamespace(**values)
    result = function(**{name: values[name] for name in parameters})
    outputs = [role for role in OUTPUTS
               if role in tensors and tensors[role]["output"]]
    dropped = [role for role in OUTPUTS if role in null]
    if result is None and "call" in parameters:
        return
    for role, value in _by_role(result, outputs, dropped).items():
        value = np.asarray(value)
        _check(role, value, arrays[role], tensors[role]["dtype"])
        arrays[role][...] = value


def _array(memory, call, role, tensor):
    """One view of a tensor, in the shape that its role has in the call."""
    channels = "C" in call
    if role in ELEMENTS:
        shape = [call[size] for size in
                 (("N", "C", "spatial") if channels else ("rows", "n"))]
        return memory.array(tensor, shape, call["stride"][:len(shape)])
    if role not in SETS:
        return memory.array(tensor, [call["C" if channels else "n"]])
    sizes = {"batch_norm": ["C"], "group_norm": ["N", "num_groups"],
             "instance_norm": ["N", "C"]}.get(call["op"], ["rows"])
    return memory.array(tensor, [call[size] for size in sizes])


def _by_role(result, outputs, dropped):
    """The outputs that are wanted, of these alone or of all there could be."""
    if not isinstance(result, (tuple, dict)):
        result = (result,)
    every = [role for role in OUTPUTS if role in outputs or role in dropped]
    if isinstance(result, tuple):
        for roles in (outputs, every):
            if len(result) == len(roles):
                return {role: value for role, value in zip(roles, result)
                        if role in outputs}
    elif set(outputs) <= set(result) <= set(every):
        return {role: result[role] for role in outputs}
    got = (", ".join(map(str, result)) if isinstance(result, dict)
           else f"{len(result)} value(s)")
    raise TypeError(f"expected {', '.join(outputs)} to be returned, got {got}")


def _check(role, value, wanted, dtype):
    """Never casts or broadcasts: that would hide what the kernel computed."""
    if value.dtype == wanted.dtype and value.shape == wanted.shape:
        return
    hint = " (bf16 patterns, see to_bf16)" if dtype == "bf16" else ""
    raise TypeError(f"{role}: expected {wanted.dtype}{hint} of shape "
                    f"{wanted.shape}, got {value.dtype} of shape "
                    f"{value.shape}")
