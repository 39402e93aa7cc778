"""Every normalization and pass in plain NumPy, as most people would write them.

    normgate check worker:'python3 adapters/python/numpy_norms.py'

Arrays become [sets, n] first, dense, so one function serves every op in every
layout. 16-bit arrays are widened to f32 exactly, and outputs are rounded once
at the end.

NumPy sums a contiguous axis pairwise over blocks of 128 elements (notes of
numpy.sum; `pairwise_sum` in numpy/_core/src/umath/loops_utils.h.src), and
other axes one after the other: so dgamma and dbeta over rows, and over N where
a channel has a set per example.
"""
import numpy as np

import normgate

SUMS = ("variance=two_pass summation=pairwise block=128 "
        "param_summation=recursive")
ROW_OPS = ("layer_norm", "rms_norm", "l2_norm")
CHANNEL_OPS = ("batch_norm", "group_norm", "instance_norm")

WIDEN = {"f16": lambda a: a.astype(np.float32),
         "bf16": normgate.from_bf16,
         "f32": lambda a: a,
         "f64": lambda a: a}
NARROW = {"f16": lambda a: a.astype(np.float16),
          "bf16": normgate.to_bf16,
          "f32": lambda a: a,
          "f64": lambda a: a}


def to_sets(call, a):
    """[rows, n] or [N, C, spatial] as [sets, n]."""
    if call.op == "batch_norm":
        a = a.transpose(1, 0, 2)
    return np.ascontiguousarray(a).reshape(call.rows, call.n)


def from_sets(call, a):
    if call.op == "batch_norm":
        return a.reshape(call.C, call.N, call.spatial).transpose(1, 0, 2)
    return a.reshape(call.x.shape)


def spread(call, param):
    """gamma or beta, as [sets, n]."""
    if call.op in CHANNEL_OPS:
        param = param[:, None]
    return to_sets(call, np.broadcast_to(param, call.x.shape))


def gather(call, terms):
    """The sum of [sets, n] for each gamma or beta."""
    if call.op in ROW_OPS:
        return terms.sum(0)
    if call.op == "batch_norm":
        return terms.sum(1)
    return from_sets(call, terms).sum(2).sum(0)


def statistics(call, x):
    """What is subtracted from x, what x is then multiplied by, and the
    variance; of the sets of x, or as given."""
    eps = x.dtype.type(call.eps)
    if call.op == "l2_norm":
        norm = np.sqrt((x * x).sum(-1, keepdims=True))
        return x.dtype.type(0), 1 / np.maximum(norm, eps), None
    if call.pass_.startswith("inference"):
        mean, var = call.running_mean[:, None], call.running_var[:, None]
        if call.op == "instance_norm":  # a set is a channel of one example
            mean, var = (np.tile(a, (call.N, 1)) for a in (mean, var))
    elif call.pass_ == "backward" and call.rstd is not None:
        mean = x.dtype.type(0)  # where the norm does not subtract one
        if call.mean is not None:
            mean = call.mean.reshape(-1, 1)
        return mean, call.rstd.reshape(-1, 1), None
    else:
        mean = x.dtype.type(0)
        if call.op != "rms_norm":
            mean = x.mean(-1, keepdims=True)
        var = ((x - mean) * (x - mean)).mean(-1, keepdims=True)
    return mean, 1 / np.sqrt(var + eps), var


def update(call, momentum, running, value):
    """The running statistic after a batch with this value for each set."""
    value = value.reshape(-1, call.C)
    value = value.mean(0) if len(value) > 1 else value[0]
    if momentum == "cumulative":
        seen = running.dtype.type(call.batches)
        return (seen * running + value) / (seen + 1)
    weight = running.dtype.type(call.momentum)
    if momentum == "old":
        weight = 1 - weight
    return (1 - weight) * running + weight * value


def forward(call, widen, narrow, momentum, round_residual):
    done, x = {}, widen(call.x)
    if call.residual is not None:
        x = x + widen(call.residual)
        done["h"] = narrow(x)
        x = widen(done["h"]) if round_residual else x
    x = to_sets(call, x)
    mean, rstd, var = statistics(call, x)
    y = (x - mean) * rstd
    if call.gamma is not None:
        y = y * spread(call, widen(call.gamma))
    if call.beta is not None:
        y = y + spread(call, widen(call.beta))
    done["y"] = narrow(from_sets(call, y))
    if call.mean is not None:
        done["mean"] = mean.reshape(call.mean.shape)
    if call.rstd is not None:
        done["rstd"] = rstd.reshape(call.rstd.shape)
    if call.pass_ == "forward" and call.running_mean is not None:
        if x.size == 0:  # a batch of nothing has no statistics
            done["running_mean"] = call.running_mean
            done["running_var"] = call.running_var
            return done
        if call.n == 1:
            raise normgate.Refused("one value per channel")
        unbiased = var * x.dtype.type(call.n / (call.n - 1))
        done["running_mean"] = update(call, momentum, call.running_mean, mean)
        done["running_var"] = update(call, momentum, call.running_var,
                                     unbiased)
    return done


def backward(call, widen, narrow):
    x, dy = to_sets(call, widen(call.x)), to_sets(call, widen(call.dy))
    mean, rstd, _ = statistics(call, x)
    x_hat = (x - mean) * rstd
    g = dy if call.gamma is None else dy * spread(call, widen(call.gamma))
    dx = g
    if call.op == "l2_norm":
        clamped = 1 / rstd <= x.dtype.type(call.eps)
        projection = (g * x_hat).sum(-1, keepdims=True)
        dx = g - x_hat * np.where(clamped, x.dtype.type(0), projection)
    elif call.pass_ == "backward":
        dx = g - x_hat * (g * x_hat).mean(-1, keepdims=True)
        if call.op != "rms_norm":
            dx = dx - g.mean(-1, keepdims=True)
    dx = from_sets(call, dx * rstd)
    if call.dh is not None:
        dx = dx + widen(call.dh)
    done = {"dx": narrow(dx)}
    if call.dresidual is not None:
        done["dresidual"] = done["dx"]
    if call.dgamma is not None:
        done["dgamma"] = narrow(gather(call, dy * x_hat))
    if call.dbeta is not None:
        done["dbeta"] = narrow(gather(call, dy))
    return done


def register(contract, dtype, name, momentum="new", round_residual=True):
    widen, narrow = WIDEN[dtype], NARROW[dtype]
    eps_dtype = "f64" if dtype == "f64" else "f32"

    @normgate.kernel(f"{contract} dtype={dtype} eps_dtype={eps_dtype} {SUMS}",
                     f"{name}_{dtype}")
    def kernel(call):
        if call.pass_.endswith("backward"):
            return backward(call, widen, narrow)
        return forward(call, widen, narrow, momentum, round_residual)


def register_all(dtype):
    for op in ROW_OPS + CHANNEL_OPS:
        saved = "" if op == "l2_norm" else " saved=mean_rstd"
        register(f"op={op}{saved}", dtype, op)
        register(f"op={op} pass=backward", dtype, f"{op}_backward")
        if op != "l2_norm":
            register(f"op={op} pass=backward backward_stats=saved", dtype,
                     f"{op}_backward_saved")
    for op in ("batch_norm", "instance_norm"):
        for name in ("inference", "inference_backward"):
            register(f"op={op} pass={name}", dtype, f"{op}_{name}")
    register("op=instance_norm running=update", dtype, "instance_norm_running")
    for op in ROW_OPS[:2]:
        for rounding in ("yes", "no"):
            register(f"op={op} residual=sum round_residual={rounding}", dtype,
                     f"{op}_residual_rounded_{rounding}",
                     round_residual=rounding == "yes")
        register(f"op={op} residual=sum pass=backward", dtype,
                 f"{op}_residual_backward")


def register_choices(dtype):
    """Where arrays may lie and how running statistics move on."""
    for op in ROW_OPS + CHANNEL_OPS:
        for layout in ("channels_last", "strided"):
            if layout == "strided" or op in CHANNEL_OPS:
                for name in ("forward", "backward"):
                    register(f"op={op} pass={name} layout={layout}", dtype,
                             f"{op}_{name}_{layout}")
    for momentum in ("old", "cumulative"):
        register(f"op=batch_norm momentum={momentum}", dtype,
                 f"batch_norm_{momentum}", momentum=momentum)


np.seterr(all="ignore")  # normgate judges NaN and Inf; warnings add nothing
for storage in normgate.DTYPES:
    register_all(storage)
register_choices("f32")
normgate.serve(f"numpy {np.__version__}")
