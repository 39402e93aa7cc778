"""PyTorch's normalizations on the CPU, forward and backward.

    normgate check worker:'python3 adapters/python/torch_norms.py'
    normgate check worker:'python3 adapters/python/torch_norms.py findings'

`findings` serves what no contract can describe: those checks fail.

What the contracts say, as read in PyTorch's source under aten/src/ATen/native.
Vectors have 256 bits: these kernels have no AVX-512 version.

Layer norm and group norm (cpu/{layer,group}_norm_kernel.cpp)
- Statistics (cpu/moments_utils.h, RowwiseMoments): Welford's update over
  chunks of 16 vectors, the chunks merged as a binary tree, then one by one the
  elements that fill no vector and the lanes: 16 updates, the tree and at most
  47 more, no longer than pairwise over blocks of 64.
- Saved statistics have the dtype of gamma; y is formed from unrounded ones.
  Layer norm in 16 bits forms (x*rstd - mean*rstd)*gamma + beta, in f32 and f64
  it centres first; group norm forms x*scale + shift.
- Backward: dx = a*dy + b*x + c from the sums of g*x and g, by the lanes of a
  vector; group norm sums each channel first.
- Layer norm's dgamma and dbeta: one row after the other, in the dtype of x even
  where gamma is f32. For 16-bit storage compute= says so.
- Group norm in channels_last forms the variance as mean x^2 - mean^2 in f32, a
  class that no contract has: `findings`. Its backward sums one by one.

Batch norm (Normalization.cpp, cpu/batch_norm_kernel.cpp), and instance norm,
which is batch norm of [1, N*C, spatial]
- f32: sums in double, [N, C] and channels_last: one by one in f32. 16 bits: one
  by one in f32. y = x*scale + shift. Backward sums by the lanes of a vector.
- 16-bit gamma: mean and invstd are rounded to it before y is formed, so
  compute= says 16 bits, in which sums in f32 are wide. f32 gamma: they are not.
- eps is added in double, in inference in the arithmetic; running statistics
  have the dtype of gamma.

RMS norm (layer_norm.cpp, rms_norm_composite; autograd differentiates it): x
upcast, the mean of x^2 by the cascade of cpu/SumKernel.cpp: four levels of
running sums, whose longest chain grows like the fourth root of n and up to 2^24
elements is no longer than pairwise over blocks of 256. dx = a*dy + b*x.

F.normalize (cpu/ReduceOpsKernel.cpp): the norm by the lanes of a vector, in f16
one by one; the norm and eps are rounded to the dtype of x. In f16 the norm may
become subnormal there, so compute= says f16, and above 65504 y becomes zero
(`findings`). In the backward pass every step is rounded so.

On 2.13.0 a model of the forward sums of layer norm gives the same bits.
"""
import functools
import sys
import warnings

import numpy as np

import normgate

try:
    import torch
    from torch.nn import functional as F
except ImportError as error:
    sys.exit(f"torch_norms.py needs PyTorch ({error}): "
             "pip install torch==2.13.0")

WELFORD = "variance=welford summation=pairwise block=64"
CASCADE = "summation=pairwise block=256"
SHORT = ("bf16", "f16")
OPS = ("layer_norm", "rms_norm", "l2_norm", "batch_norm", "group_norm",
       "instance_norm")
PASSES = ("inference_backward", "inference", "backward", "")


def tensor(value):
    """Shares an array's memory; DLPack passes on that it is read-only."""
    if not isinstance(value, np.ndarray):
        return value
    shared = torch.from_dlpack(value)
    return shared.view(torch.bfloat16) if value.dtype == np.uint16 else shared


def array(result):
    result = result.detach()
    if result.dtype == torch.bfloat16:
        return result.view(torch.uint16).numpy()
    return result.numpy()


def register(function, contract, name):
    """A function of torch tensors as a kernel."""
    @functools.wraps(function)
    def run(**given):
        result = function(**{key: tensor(value)
                             for key, value in given.items()})
        if isinstance(result, torch.Tensor):
            result = (result,)
        return tuple(array(one) for one in result)
    normgate.kernel(contract, name)(run)


def gradients(forward, dy, *inputs):
    """Of x, gamma and beta, by autograd."""
    inputs = [one.detach().requires_grad_() for one in inputs]
    return torch.autograd.grad(forward(*inputs), inputs, dy)


def layer_norm(x, gamma, beta, eps, n):
    return F.layer_norm(x, (n,), gamma, beta, eps)


def native_layer_norm(x, gamma, beta, eps, n):
    y, mean, rstd = torch.native_layer_norm(x, (n,), gamma, beta, eps)
    return y, mean[:, 0], rstd[:, 0]


def layer_norm_backward(x, dy, gamma, eps, n):
    return gradients(lambda *inputs: F.layer_norm(inputs[0], (n,), *inputs[1:],
                                                  eps),
                     dy, x, gamma, torch.zeros_like(gamma))


def layer_norm_plain_backward(x, dy, eps, n):
    return gradients(lambda x: F.layer_norm(x, (n,), eps=eps), dy, x)


def native_layer_norm_backward(x, dy, gamma, mean, rstd, n):
    return torch.ops.aten.native_layer_norm_backward(
        dy, x, (n,), mean[:, None], rstd[:, None], gamma,
        torch.zeros_like(gamma), [True] * 3)


def rms_norm(x, gamma, eps, n):
    return F.rms_norm(x, (n,), gamma, eps)


def rms_norm_backward(x, dy, gamma, eps, n):
    return gradients(lambda x, gamma: F.rms_norm(x, (n,), gamma, eps), dy, x,
                     gamma)


def l2_norm(x, eps):
    return F.normalize(x, dim=-1, eps=eps)


def l2_norm_backward(x, dy, eps):
    return gradients(lambda x: F.normalize(x, dim=-1, eps=eps), dy, x)


def image(a):
    """[N, C, spatial] as [N, C, spatial, 1], with strides from which torch
    knows channels_last."""
    return a.as_strided((*a.shape, 1), (*a.stride(), a.stride(2)))


def image_gradients(forward, dy, x, gamma):
    dx, *rest = gradients(forward, image(dy), image(x), gamma,
                          torch.zeros_like(gamma))
    return dx[..., 0], *rest


def group_norm(x, gamma, beta, eps, num_groups):
    return torch.group_norm(image(x), num_groups, gamma, beta, eps)[..., 0]


def native_group_norm(x, gamma, beta, eps, N, C, spatial, num_groups):
    y, mean, rstd = torch.native_group_norm(image(x), gamma, beta, N, C,
                                            spatial, num_groups, eps)
    return y[..., 0], mean, rstd


def group_norm_backward(x, dy, gamma, eps, num_groups):
    return image_gradients(lambda x, gamma, beta: torch.group_norm(
        x, num_groups, gamma, beta, eps), dy, x, gamma)


def native_group_norm_backward(x, dy, gamma, mean, rstd, N, C, spatial,
                               num_groups):
    dx, dgamma, dbeta = torch.ops.aten.native_group_norm_backward(
        image(dy), image(x), mean, rstd, gamma, N, C, spatial, num_groups,
        [True] * 3)
    return dx[..., 0], dgamma, dbeta


def trained(function, *arguments):
    """torch refuses one value per channel, and eps = 0, by a ValueError."""
    try:
        return function(*arguments)
    except ValueError as error:
        if "eps" in str(error):
            raise NotImplementedError(error) from None
        raise normgate.Refused(error) from None


def batch_norm(x, gamma, beta, running_mean, running_var, momentum, eps):
    y = trained(F.batch_norm, image(x), running_mean, running_var, gamma, beta,
                True, momentum, eps)
    return y[..., 0], running_mean, running_var


def batch_norm_cumulative(x, gamma, beta, running_mean, running_var, eps, C,
                          batches):
    module = torch.nn.BatchNorm1d(C, eps, momentum=None, dtype=gamma.dtype)
    module.load_state_dict({
        "weight": gamma, "bias": beta, "running_mean": running_mean,
        "running_var": running_var,
        "num_batches_tracked": torch.tensor(batches)})
    return trained(module, x), module.running_mean, module.running_var


def native_batch_norm(x, gamma, beta, running_mean, running_var, momentum,
                      eps):
    if x.shape[0] * x.shape[2] == 1:  # it would make running_var NaN
        raise normgate.Refused("one value per channel")
    y, mean, rstd = torch.native_batch_norm(
        image(x), gamma, beta, running_mean, running_var, True, momentum, eps)
    return y[..., 0], mean, rstd, running_mean, running_var


def batch_norm_backward(x, dy, gamma, eps):
    return image_gradients(lambda x, gamma, beta: trained(
        F.batch_norm, x, None, None, gamma, beta, True, 0, eps), dy, x, gamma)


def native_batch_norm_backward(x, dy, gamma, mean, rstd, eps):
    dx, dgamma, dbeta = torch.ops.aten.native_batch_norm_backward(
        image(dy), image(x), gamma, None, None, mean, rstd, True, eps,
        [True] * 3)
    return dx[..., 0], dgamma, dbeta


def batch_norm_inference(x, gamma, beta, running_mean, running_var, eps):
    return F.batch_norm(image(x), running_mean, running_var, gamma, beta,
                        False, 0, eps)[..., 0]


def batch_norm_inference_backward(x, dy, gamma, running_mean, running_var,
                                  eps):
    return image_gradients(lambda x, gamma, beta: F.batch_norm(
        x, running_mean, running_var, gamma, beta, False, 0, eps),
        dy, x, gamma)


def instance_norm(x, gamma, beta, eps):
    return trained(F.instance_norm, x, None, None, gamma, beta, True, 0, eps)


def instance_norm_running(x, gamma, beta, running_mean, running_var, momentum,
                          eps):
    y = trained(F.instance_norm, x, running_mean, running_var, gamma, beta,
                True, momentum, eps)
    return y, running_mean, running_var


def instance_norm_backward(x, dy, gamma, eps):
    return image_gradients(lambda x, gamma, beta: trained(
        F.instance_norm, x, None, None, gamma, beta, True, 0, eps),
        dy, x, gamma)


def instance_norm_inference(x, gamma, beta, running_mean, running_var, eps):
    return F.instance_norm(x, running_mean, running_var, gamma, beta, False, 0,
                           eps)


def instance_norm_inference_backward(x, dy, gamma, running_mean, running_var,
                                     eps):
    return image_gradients(lambda x, gamma, beta: F.instance_norm(
        x, running_mean, running_var, gamma, beta, False, 0, eps),
        dy, x, gamma)


def only(function, spatial_is_one):
    """Batch norm of [N, C] and of [N, C, spatial] are two implementations."""
    @functools.wraps(function)
    def part(**given):
        if (given["x"].shape[2] == 1) != spatial_is_one:
            raise NotImplementedError("the other implementation")
        return function(**given)
    return part


# What torch 2.13 does with an input without elements: native_batch_norm and
# instance norm raise, native_batch_norm_backward divides by zero and ends the
# process, group norm's gamma without positions has the gradient NaN.
NOT_WITHOUT_ELEMENTS = (
    "native_batch_norm", "native_batch_norm_backward", "group_norm_backward",
    "native_group_norm_backward", "instance_norm", "instance_norm_running",
    "instance_norm_backward", "instance_norm_inference",
    "instance_norm_inference_backward")


def with_elements(function):
    @functools.wraps(function)
    def part(**given):
        if given["x"].numel() == 0:
            raise normgate.Refused("an input without elements")
        return function(**given)
    return part


class Format:
    """Storage of x and of gamma, and what follows from it."""

    def __init__(self, dtype, param):
        self.dtype, self.param = dtype, param
        self.short = dtype in SHORT
        self.pure = self.short and param == dtype
        self.label = dtype if param == dtype else f"{dtype}_param_{param}"
        self.eps = f"eps_dtype={'f64' if dtype == 'f64' else 'f32'}"
        self.lanes = f"summation=lanes block={4 if dtype == 'f64' else 8}"
        # Sums in f32 whose result, or what it is added to, has 16 bits.
        self.stored = f"compute={dtype} summation=wide"

    def add(self, function, contract, suffix=""):
        """Its name says op and pass."""
        name = function.__name__ + suffix
        op = next(op for op in OPS if op in name)
        kind = next(kind for kind in PASSES if kind in name or not kind)
        contract = f"pass={kind or 'forward'} {contract}"
        if function.__name__ in NOT_WITHOUT_ELEMENTS:
            contract += " no_rows=refuse"
            function = with_elements(function)
        register(function, f"op={op} dtype={self.dtype} param={self.param} "
                 f"stats={self.param} {contract}", f"{name}_{self.label}")


def add_layer_norm(f):
    folded = "affine_eval=folded"
    forward = f"{f.eps} {WELFORD} {folded if f.short else ''}"
    f.add(layer_norm, forward)
    f.add(native_layer_norm, f"{forward} saved=mean_rstd")
    rows = f"{folded} param_summation=recursive"
    sums = f.stored if f.short else f.lanes
    f.add(layer_norm_backward, f"{f.eps} variance=welford {sums} {rows}")
    f.add(native_layer_norm_backward, f"backward_stats=saved {sums} {rows}")
    if not f.short:
        f.add(layer_norm_plain_backward, f"{f.eps} affine=none "
              f"variance=welford {f.lanes} {folded}")


def add_rms_norm(f):
    f.add(rms_norm, f"{f.eps} {CASCADE}")
    f.add(rms_norm_backward, f"{f.eps} {CASCADE} affine_eval=folded")


def add_l2_norm(f):
    if f.param != f.dtype:
        return  # it has no gamma
    eps = f"eps_dtype={f.dtype}"
    sums = {"bf16": f"round_rstd=yes {f.lanes}", "f16": f.stored}
    f.add(l2_norm, f"{eps} {sums.get(f.dtype, f.lanes)}")
    f.add(l2_norm_backward, f"{eps} affine_eval=folded "
          f"{f.stored if f.short else f.lanes}")


def add_group_norm(f):
    folded = "affine_eval=folded"
    f.add(group_norm, f"{folded} {WELFORD}")
    f.add(native_group_norm, f"{folded} {WELFORD} saved=mean_rstd")
    sums = f.stored if f.pure else f.lanes
    f.add(group_norm_backward, f"{folded} variance=welford {sums} "
          "param_summation=recursive")
    f.add(native_group_norm_backward, f"{folded} backward_stats=saved "
          f"{f.lanes} param_summation=recursive")
    f.add(native_group_norm_backward, f"{folded} backward_stats=saved "
          "layout=channels_last", "_channels_last")


def add_batch_norm(f):
    folded = "affine_eval=folded"
    one_by_one = f.stored if f.pure else ""
    wide = f.stored if f.pure else "" if f.short else "summation=wide"
    lanes = "" if f.short else f.lanes
    for function in (batch_norm, native_batch_norm):
        more = folded
        if function is native_batch_norm:
            more += " saved=mean_rstd"
        f.add(only(function, False), f"{more} {wide}")
        f.add(only(function, True), f"{more} {one_by_one}", "_flat")
        f.add(function, f"{more} {one_by_one} layout=channels_last",
              "_channels_last")
    f.add(batch_norm_cumulative, f"{folded} {one_by_one} momentum=cumulative")
    for function, stats in ((batch_norm_backward, ""),
                            (native_batch_norm_backward,
                             "backward_stats=saved")):
        stored = f.pure and not stats
        f.add(only(function, False), f"{stats} "
              f"{f.stored if stored else lanes}")
        f.add(only(function, True), f"{stats} {f.stored if stored else ''}",
              "_flat")
        f.add(function, f"{stats} layout=channels_last "
              f"{f.stored if stored else ''}", "_channels_last")
    f.add(batch_norm_inference, f"{folded} {f.eps}")
    f.add(batch_norm_inference, f"{folded} {f.eps} layout=channels_last",
          "_channels_last")
    f.add(only(batch_norm_inference_backward, False), lanes)
    f.add(batch_norm_inference_backward, "layout=channels_last",
          "_channels_last")


def add_instance_norm(f):
    folded = "affine_eval=folded"
    wide = f.stored if f.pure else "" if f.short else "summation=wide"
    f.add(instance_norm, f"{folded} {wide}")
    f.add(instance_norm_running, f"{folded} {wide} running=update")
    f.add(instance_norm_backward, f.stored if f.pure else
          "" if f.short else f.lanes)
    f.add(instance_norm_inference, f"{folded} {f.eps}")
    f.add(instance_norm_inference_backward,
          f.stored if f.pure else "" if f.short else f.lanes)


def add_findings(f):
    f.add(group_norm, f"affine_eval=folded layout=channels_last "
          "variance=one_pass_wide", "_channels_last")
    if f.short:
        f.add(native_layer_norm_backward, f"backward_stats=saved {f.lanes} "
              "affine_eval=folded param_summation=recursive", "_sums_in_f32")
    if f.dtype == f.param == "f16":
        f.add(l2_norm, "eps_dtype=f16 round_rstd=yes", "_any_norm")


FORMATS = [Format(dtype, dtype) for dtype in normgate.DTYPES]
FORMATS += [Format(dtype, "f32") for dtype in SHORT]  # mixed precision

torch.set_num_threads(1)  # whose sums have the longest chains
warnings.simplefilter("ignore")  # mixed dtypes leave torch's fused kernels
for storage in FORMATS:
    if sys.argv[1:] == ["findings"]:
        add_findings(storage)
    else:
        for add in (add_layer_norm, add_rms_norm, add_l2_norm, add_group_norm,
                    add_batch_norm, add_instance_norm):
            add(storage)
normgate.serve(f"torch {torch.__version__}")
