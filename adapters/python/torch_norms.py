"""PyTorch's layer_norm and rms_norm on the CPU.

    normgate check worker:'python3 adapters/python/torch_norms.py'

What the contracts say, as read in PyTorch's source under aten/src/ATen/native:
- layer norm (cpu/moments_utils.h, RowwiseMoments): Welford's update over
  chunks of 16 SIMD vectors, the chunks merged as a binary tree, then one by
  one the elements that fill no vector and the lanes: 16 updates, the tree and
  at most 47 more, no longer than pairwise over blocks of 64.
- 16-bit storage (cpu/layer_norm_kernel.cpp): f32 arithmetic and one rounding,
  as (x*rstd - mean*rstd)*gamma + beta; f32 and f64 centre first. Saved
  statistics have the dtype of gamma.
- RMS norm (layer_norm.cpp, rms_norm_composite): x upcast, the mean of x^2 by
  the cascade of cpu/SumKernel.cpp: four levels of running sums, whose longest
  chain grows like the fourth root of n and up to 2^24 elements is no longer
  than pairwise over blocks of 256.
On 2.13.0 a model of these sums gives the same bits (vectors of 256 bits).
eps becomes a float unless the arithmetic is f64.
"""
import sys

import numpy as np

import normgate

try:
    import torch
except ImportError as error:
    sys.exit(f"torch_norms.py needs PyTorch ({error}): "
             "pip install torch==2.13.0")

DTYPES = {"f32": torch.float32, "f64": torch.float64,
          "bf16": torch.bfloat16, "f16": torch.float16}
WELFORD = "variance=welford summation=pairwise block=64"
CASCADE = "summation=pairwise block=256"


def tensor(array, dtype):
    """Shares the array's memory; DLPack passes on that it is read-only."""
    shared = torch.from_dlpack(array)
    return shared.view(torch.bfloat16) if dtype == "bf16" else shared


def array(result):
    if result.dtype == torch.bfloat16:
        return result.view(torch.uint16).numpy()
    return result.numpy()


def register(dtype, param):
    short = dtype in ("bf16", "f16")
    label = dtype if param == dtype else f"{dtype}_param_{param}"
    promise = (f"dtype={dtype} param={param} "
               f"eps_dtype={'f64' if dtype == 'f64' else 'f32'}")
    welford = f"{promise} {WELFORD}" + (" affine_eval=folded" if short else "")

    @normgate.kernel(f"op=layer_norm {welford}", f"layer_norm_{label}")
    def layer_norm(x, gamma, beta, eps, n):
        return array(torch.nn.functional.layer_norm(
            tensor(x, dtype), (n,), tensor(gamma, param), tensor(beta, param),
            eps))

    @normgate.kernel(f"op=layer_norm {welford} saved=mean_rstd stats={param}",
                     f"native_layer_norm_{label}")
    def native_layer_norm(x, gamma, beta, eps, n):
        y, mean, rstd = torch.native_layer_norm(
            tensor(x, dtype), (n,), tensor(gamma, param), tensor(beta, param),
            eps)
        return array(y), array(mean[:, 0]), array(rstd[:, 0])

    @normgate.kernel(f"op=rms_norm {promise} {CASCADE}", f"rms_norm_{label}")
    def rms_norm(x, gamma, eps, n):
        return array(torch.nn.functional.rms_norm(
            tensor(x, dtype), (n,), tensor(gamma, param), eps))


for storage in DTYPES:
    register(storage, storage)
for storage in ("bf16", "f16"):  # mixed precision: f32 weights
    register(storage, "f32")
normgate.serve(f"torch {torch.__version__}")
