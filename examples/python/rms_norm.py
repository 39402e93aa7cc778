"""A kernel under test. normgate check worker:'python3 rms_norm.py'"""
import numpy as np

import normgate  # pip install adapters/python, or put it on PYTHONPATH


@normgate.kernel("op=rms_norm dtype=f32 eps_dtype=f32")
def rms_norm(x, gamma, eps):
    mean_square = (x * x).mean(-1, keepdims=True)
    return x / np.sqrt(mean_square + np.float32(eps)) * gamma


normgate.serve("rms_norm example")
