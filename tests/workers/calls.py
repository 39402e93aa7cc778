"""A worker whose kernels promise nullable=all and in_place=yes; the second
keeps neither."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "adapters/python"))
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402

import normgate  # noqa: E402

CONTRACT = ("op=layer_norm dtype=f32 eps_dtype=f32 saved=mean_rstd "
            "nullable=all in_place=yes layout=strided")


@normgate.kernel(CONTRACT)
def keeps(x, gamma, beta, eps):
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    var = (centred * centred).mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(var + np.float32(eps))
    y = centred * rstd
    if gamma is not None:
        y = y * gamma
    if beta is not None:
        y = y + beta
    return y, mean[:, 0], rstd[:, 0]


@normgate.kernel(CONTRACT)
def breaks(x, gamma, beta, eps, call):
    call.y[...] = 0
    y, mean, rstd = keeps(x, gamma, beta, eps)
    call.y[...], call.mean[...], call.rstd[...] = y, mean, rstd


normgate.serve("calls")
