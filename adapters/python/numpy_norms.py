"""Plain NumPy layer_norm and rms_norm, as most people would write them.

    normgate check worker:'python3 adapters/python/numpy_norms.py'

16-bit arrays are widened to f32 exactly, and y is rounded once at the end.
NumPy sums a contiguous axis pairwise over blocks of 128 elements (notes of
numpy.sum; `pairwise_sum` in numpy/_core/src/umath/loops_utils.h.src).
"""
import numpy as np

import normgate

SUMMATION = "variance=two_pass summation=pairwise block=128 saved=mean_rstd"

WIDEN = {"f16": lambda a: a.astype(np.float32),
         "bf16": normgate.from_bf16,
         "f32": lambda a: a,
         "f64": lambda a: a}
NARROW = {"f16": lambda a: a.astype(np.float16),
          "bf16": normgate.to_bf16,
          "f32": lambda a: a,
          "f64": lambda a: a}


def layer_norm(x, gamma, beta, eps):
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    var = (centred * centred).mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(var + x.dtype.type(eps))
    return centred * rstd * gamma + beta, mean[:, 0], rstd[:, 0]


def rms_norm(x, gamma, eps):
    mean_square = (x * x).mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(mean_square + x.dtype.type(eps))
    return x * rstd * gamma, rstd[:, 0]


def register(dtype):
    widen, narrow = WIDEN[dtype], NARROW[dtype]
    eps_dtype = "f64" if dtype == "f64" else "f32"
    promise = f"dtype={dtype} eps_dtype={eps_dtype} {SUMMATION}"

    @normgate.kernel(f"op=layer_norm {promise}", f"layer_norm_{dtype}")
    def storage_layer_norm(x, gamma, beta, eps):
        y, mean, rstd = layer_norm(widen(x), widen(gamma), widen(beta), eps)
        return narrow(y), mean, rstd

    @normgate.kernel(f"op=rms_norm {promise}", f"rms_norm_{dtype}")
    def storage_rms_norm(x, gamma, eps):
        y, rstd = rms_norm(widen(x), widen(gamma), eps)
        return narrow(y), rstd


np.seterr(all="ignore")  # normgate judges NaN and Inf; warnings add nothing
for storage in normgate.DTYPES:
    register(storage)
normgate.serve(f"numpy {np.__version__}")
