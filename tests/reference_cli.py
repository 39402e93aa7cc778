#!/usr/bin/python3
"""Checks `normgate reference` against values worked out again from the
definitions: every op and pass, in mpmath at 500 bits. Gradients are central
differences of the forward definition, so no formula is shared. Rounded files
must be equal bit for bit, high + low within 2^-100 of the value.

    reference_cli.py path/to/normgate      (works in the current folder)

Exit 0: all equal; 1: a difference, printed with its command.
"""
import itertools
import os
import subprocess
import sys

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.prec = 500
STEP = mpf(2) ** -150  # of the differences: their error is its square
FORMATS = {  # p, emin, emax
    "f16": (11, -14, 15),
    "bf16": (8, -126, 127),
    "f32": (24, -126, 127),
    "f64": (53, -1022, 1023),
}
NUMPY = {"f16": "<f2", "f32": "<f4", "f64": "<f8", "bf16": "<u2"}
random = np.random.default_rng(7)


def round_to(name, value):
    """To nearest even, from the integers of the value."""
    p, emin, emax = FORMATS[name]
    if value == 0:
        return 0.0
    sign, man, exp, bits = value._mpf_
    place = max(exp + bits - 1, emin) - p + 1
    if exp >= place:
        units = man << (exp - place)
    else:
        shift = place - exp
        units, rest = man >> shift, man & ((1 << shift) - 1)
        half = 1 << (shift - 1)
        if rest > half or (rest == half and units & 1):
            units += 1
    result = mpf(units) * mpf(2) ** place
    if result > (2 - mpf(2) ** (1 - p)) * mpf(2) ** emax:
        return float("-inf" if sign else "inf")
    return float(-result if sign else result)


def decode(name, array):
    if name == "bf16":
        return (array.astype("<u4") << 16).view("<f4").astype("<f8")
    return array.astype("<f8")


def draw(name, shape, scale=1.0, shift=0.0):
    """Random numbers of the format, as the array that is saved."""
    values = (random.standard_normal(shape) * scale + shift).astype("<f4")
    if name == "bf16":
        return np.asarray((values.view("<u4") >> 16).astype("<u2"))
    return np.asarray(values.astype(NUMPY[name]))


class Call:
    """One call: a contract, arrays by role, and what it ought to give."""

    def __init__(self, text, shape, axes=1, groups=0, eps=1e-5, momentum=None,
                 batches=0, x_scale=1.0, x_shift=0.0):
        self.text, self.shape, self.axes = text, tuple(shape), axes
        self.groups, self.eps = groups, eps
        self.momentum, self.batches = momentum, batches
        fields = dict(word.split("=") for word in text.split())
        self.op = fields["op"]
        self.rows = self.op in ("layer_norm", "rms_norm", "l2_norm")
        self.run = fields.get("pass", "forward")
        self.dtype = fields.get("dtype", "f32")
        wide = "f64" if self.dtype == "f64" else "f32"
        self.param = fields.get("param", self.dtype)
        self.stats = fields.get("stats", wide)
        self.centred = fields.get(
            "centred", "no" if self.op in ("rms_norm", "l2_norm") else "yes"
        ) == "yes"
        # What the ops declare by themselves: `normgate list ops`.
        self.place = fields.get(
            "eps_place", "max_norm" if self.op == "l2_norm" else "inside")
        self.divisor = fields.get(
            "divisor", "one" if self.op == "l2_norm" else "n")
        self.affine = fields.get("affine", {
            "l2_norm": "none", "rms_norm": "gamma"}.get(self.op, "gamma_beta"))
        self.fused = fields.get("residual") == "sum"
        self.saved = fields.get("saved", "none")
        self.given = fields.get("backward_stats") == "saved"
        self.running = fields.get(
            "running", "update" if self.op == "batch_norm" else "none")
        self.weight = fields.get("momentum", "new")
        self.unbiased = fields.get("running_var", "unbiased") == "unbiased"
        self.last = fields.get("layout") == "channels_last"
        self.gradient = self.run.endswith("backward")
        self.training = not self.run.startswith("inference")
        self.draw(x_scale, x_shift)

    def draw(self, scale, shift):
        shape = self.shape
        if self.rows:
            params = shape[len(shape) - self.axes:]
        else:
            params = channels = (shape[-1 if self.last else 1],)
        data = {"x": draw(self.dtype, shape, scale, shift)}
        if self.affine != "none":
            data["gamma"] = draw(self.param, params)
        if self.affine == "gamma_beta" and not self.gradient:
            data["beta"] = draw(self.param, params)
        if self.fused:
            data["dh" if self.gradient else "residual"] = draw(self.dtype,
                                                               shape)
        if self.gradient:
            data["dy"] = draw(self.dtype, shape)
        if not self.training or (not self.gradient and
                                 self.running == "update"):
            data["running_mean"] = draw(self.stats, channels)
            data["running_var"] = np.abs(draw(self.stats, channels, 1, 2))
        if self.given:
            sets = self.set_shape()
            data["rstd"] = np.abs(draw(self.stats, sets, 0.1, 1))
            if self.centred:
                data["mean"] = draw(self.stats, sets)
        self.data = data

    def set_shape(self):
        if self.rows:
            return self.shape[:len(self.shape) - self.axes]
        channels = self.shape[-1 if self.last else 1]
        return {"batch_norm": (channels,),
                "group_norm": (self.shape[0], self.groups),
                "instance_norm": (self.shape[0], channels)}[self.op]

    def dtype_of(self, role):
        if role in ("gamma", "beta", "dgamma", "dbeta"):
            return self.param
        if role in ("mean", "rstd", "var", "running_mean", "running_var"):
            return self.stats
        return self.dtype

    def place_of(self, index):
        """Indices of the set and of the parameter of an element of x."""
        if self.rows:
            cut = len(self.shape) - self.axes
            return index[:cut], index[cut:]
        c = index[-1 if self.last else 1]
        width = self.shape[-1 if self.last else 1] // (self.groups or 1)
        return {"batch_norm": (c,), "group_norm": (index[0], c // width),
                "instance_norm": (index[0], c)}[self.op], (c,)

    # --- the definitions ----------------------------------------------------

    def scale(self, total, n, eps):
        """1/rstd from the sum of squares."""
        var = total / {"n": n, "n_minus_1": n - 1, "one": 1}[self.divisor]
        root = mpmath.sqrt(var)
        return {"inside": lambda: mpmath.sqrt(var + eps),
                "outside": lambda: root + eps,
                "max_var": lambda: mpmath.sqrt(max(var, eps)),
                "max_norm": lambda: max(root, eps),
                "none": lambda: root}[self.place]()

    def statistics(self, values, key):
        """Mean and 1/rstd of one set, whose elements are `values`."""
        eps = mpf(self.eps)
        if not self.training:
            c = (key[-1],)
            mean = self.exact["running_mean"][c]
            var = self.exact["running_var"][c]
            return mean, mpmath.sqrt(var + eps), None
        n = len(values)
        mean = sum(values) / n
        shift = mean if self.centred else 0
        total = sum((v - shift) ** 2 for v in values)
        return mean, self.scale(total, n, eps), total

    def normalized(self, values, key):
        mean, scale, _ = self.statistics(values, key)
        shift = mean if self.centred or not self.training else 0
        return [(v - shift) / scale for v in values]

    def factor(self, param):
        if self.affine == "none":
            return mpf(1)
        gamma = self.exact["gamma"][param]
        return 1 + gamma if self.affine == "one_plus_gamma" else gamma

    def expected(self):
        self.exact = {}
        for role, array in self.data.items():
            values = decode(self.dtype_of(role), array)
            self.exact[role] = {i: mpf(float(values[i]))
                                for i in np.ndindex(values.shape)}
        sets = {}
        for index in np.ndindex(self.shape):
            key, _ = self.place_of(index)
            sets.setdefault(key, []).append(index)
        return self.backward(sets) if self.gradient else self.forward(sets)

    def forward(self, sets):
        x, out = self.exact["x"], {"y": {}}
        if self.fused:
            x = {i: x[i] + self.exact["residual"][i] for i in x}
            out["h"] = x
        means, totals = {}, {}
        for key, members in sets.items():
            values = [x[i] for i in members]
            mean, scale, total = self.statistics(values, key)
            means[key], totals[key] = mean, total
            for i, x_hat in zip(members, self.normalized(values, key)):
                param = self.place_of(i)[1]
                beta = self.exact["beta"][param] \
                    if self.affine == "gamma_beta" else 0
                out["y"][i] = x_hat * self.factor(param) + beta
            if self.saved != "none" and self.training:
                if self.centred:
                    out.setdefault("mean", {})[key] = mean
                if self.saved == "mean_rstd":
                    out.setdefault("rstd", {})[key] = 1 / scale
                else:
                    n = len(values)
                    out.setdefault("var", {})[key] = total / {
                        "n": n, "n_minus_1": n - 1, "one": 1}[self.divisor]
        if self.running == "update" and self.training:
            self.move(out, sets, means, totals)
        return out

    def move(self, out, sets, means, totals):
        """One step of the running statistics; sets of a channel average."""
        fresh = {}
        for key, members in sets.items():
            n = len(members)
            var = totals[key] / (n - 1 if self.unbiased else n)
            fresh.setdefault((key[-1],), []).append((means[key], var))
        m = mpf(0.1 if self.momentum is None else self.momentum)
        for k, role in enumerate(("running_mean", "running_var")):
            out[role] = {}
            for c, pairs in fresh.items():
                new = sum(pair[k] for pair in pairs) / len(pairs)
                old = self.exact[role][c]
                if self.weight == "cumulative":
                    out[role][c] = (self.batches * old + new) / (
                        self.batches + 1)
                else:
                    w = m if self.weight == "new" else 1 - m
                    out[role][c] = (1 - w) * old + w * new

    def backward(self, sets):
        x, dy = self.exact["x"], self.exact["dy"]
        out = {"dx": {}}
        for key, members in sets.items():
            values = [x[i] for i in members]
            g = [dy[i] * self.factor(self.place_of(i)[1]) for i in members]
            if self.given:
                dx, x_hat = self.by_statistics(values, g, key)
            else:
                dx, x_hat = self.by_differences(values, g, key)
            for i, d, v in zip(members, dx, x_hat):
                if self.fused:
                    d += self.exact["dh"][i]
                out["dx"][i] = d
                param = self.place_of(i)[1]
                if self.affine != "none":
                    sums = out.setdefault("dgamma", {})
                    sums[param] = sums.get(param, 0) + dy[i] * v
                if self.affine == "gamma_beta":
                    sums = out.setdefault("dbeta", {})
                    sums[param] = sums.get(param, 0) + dy[i]
        if self.fused:
            out["dresidual"] = out["dx"]
        return out

    def by_differences(self, values, g, key):
        """d/dx_i of sum_j g_j x_hat_j."""
        def loss(moved):
            return sum(a * b for a, b in zip(g, self.normalized(moved, key)))

        dx = []
        for i, v in enumerate(values):
            up = values[:i] + [v + STEP] + values[i + 1:]
            down = values[:i] + [v - STEP] + values[i + 1:]
            dx.append((loss(up) - loss(down)) / (2 * STEP))
        return dx, self.normalized(values, key)

    def by_statistics(self, values, g, key):
        """With mean and rstd as constants that are given, the sums remain."""
        rstd = self.exact["rstd"][key]
        mean = self.exact["mean"][key] if self.centred else mpf(0)
        n = len(values)
        d = [v - mean for v in values]
        first = sum(g) / n if self.centred else 0
        second = sum(a * b for a, b in zip(g, d)) / n
        return ([rstd * (a - first) - rstd ** 3 * b * second
                 for a, b in zip(g, d)], [b * rstd for b in d])

    # --- the program --------------------------------------------------------

    def run_it(self, program):
        command = [program, "reference", self.text, "--out", "out",
                   "--eps", repr(self.eps)]
        for role, array in self.data.items():
            np.save(role + ".npy", array)
            command += ["--" + role.replace("_", "-"), role + ".npy"]
        if self.rows and self.axes != 1:
            command += ["--axes", str(self.axes)]
        if self.groups:
            command += ["--num-groups", str(self.groups)]
        if self.momentum is not None:
            command += ["--momentum", repr(self.momentum)]
        if self.batches:
            command += ["--batches", str(self.batches)]
        done = subprocess.run(command, capture_output=True, text=True)
        return command, done

    def check(self, program):
        for name in os.listdir("out") if os.path.isdir("out") else ():
            os.remove(os.path.join("out", name))
        command, done = self.run_it(program)
        fault = self.fault(done)
        if fault:
            print(" ".join("'%s'" % w if " " in w else w for w in command))
            print(fault)
        return not fault

    def fault(self, done):
        if done.returncode != 0 or done.stderr:
            return "exit %d\n%s%s" % (done.returncode, done.stdout,
                                      done.stderr)
        expected = self.expected()
        lines = [line.split()[0] for line in done.stdout.splitlines()]
        if sorted(lines) != sorted(expected):
            return "outputs %s, expected %s" % (lines, sorted(expected))
        wanted = {role + s + ".npy" for role in expected
                  for s in ("", "_high", "_low")}
        if set(os.listdir("out")) != wanted:
            return "files %s" % sorted(os.listdir("out"))
        for role, values in expected.items():
            fault = self.compare(role, values, done.stdout)
            if fault:
                return fault
        return None

    def shape_of(self, role):
        if role in ("mean", "rstd", "var"):
            return self.set_shape()
        if role in ("dgamma", "dbeta"):
            return self.data["gamma"].shape
        if role in ("running_mean", "running_var"):
            return self.data[role].shape
        return self.shape

    def compare(self, role, values, text):
        name = self.dtype_of(role)
        stored = np.load("out/%s.npy" % role)
        high = np.load("out/%s_high.npy" % role)
        low = np.load("out/%s_low.npy" % role)
        shape = self.shape_of(role)
        if stored.dtype != NUMPY[name] or stored.shape != shape or \
                high.shape != shape or low.shape != shape or \
                high.dtype != "<f8" or low.dtype != "<f8":
            return "%s: %s %s, expected %s %s" % (
                role, stored.dtype, stored.shape, NUMPY[name], shape)
        if "%s %s %s " % (role, name, shape) not in text:
            return "%s: no line of it in %s" % (role, text)
        rounded = decode(name, stored)
        for i in np.ndindex(shape):
            value = values[i]
            if float(rounded[i]) != round_to(name, value):
                return "%s%s is %a, exact %s" % (role, i, rounded[i],
                                                 mpmath.nstr(value, 40))
            words = mpf(float(high[i])) + mpf(float(low[i]))
            if abs(words - value) > abs(value) * mpf(2) ** -100:
                return "%s%s: words %s, exact %s" % (
                    role, i, mpmath.nstr(words, 40), mpmath.nstr(value, 40))
        return None


def row_calls():
    for op, dtype, run in itertools.product(
            ("layer_norm", "rms_norm", "l2_norm"), FORMATS,
            ("forward", "backward")):
        text = "op=%s dtype=%s pass=%s" % (op, dtype, run)
        yield Call(text, (3, 5))
        yield Call(text + " residual=sum", (2, 2, 4))
        yield Call(text + " residual=sum", (2, 2, 3), axes=2)
    layer = "op=layer_norm dtype=f32"
    yield Call(layer + " saved=mean_rstd", (2, 2, 4))
    yield Call(layer + " saved=mean_var", (2, 3, 4), axes=2)
    yield Call(layer + " saved=mean_rstd", (6,))
    yield Call("op=rms_norm dtype=bf16 saved=mean_rstd", (2, 4))
    yield Call("op=rms_norm dtype=bf16 stats=bf16 saved=mean_rstd", (2, 4))
    for run in ("forward", "backward"):
        text = layer + " pass=%s" % run
        yield Call(text + " eps_place=outside", (2, 4), eps=0.25)
        yield Call(text + " eps_place=max_var", (2, 4), eps=0.25)
        yield Call(text + " eps_place=max_var", (2, 4), eps=99.0)
        yield Call(text + " eps_place=none divisor=n_minus_1", (2, 4))
        yield Call(text + " affine=none", (2, 4))
        yield Call(text + " affine=gamma", (2, 4))
        yield Call("op=layer_norm dtype=bf16 param=f32 pass=" + run, (2, 6))
        yield Call("op=rms_norm dtype=f16 affine=one_plus_gamma pass=" + run,
                   (2, 6))
        yield Call("op=l2_norm dtype=f32 eps_place=inside pass=" + run, (2, 5))
        yield Call(text, (3, 5), x_scale=1e-3, x_shift=1e3)
        yield Call(text, (3, 5), x_scale=1e-6)
        yield Call("op=layer_norm dtype=f16 pass=" + run, (3, 5), x_scale=5e3)
    for op in ("layer_norm", "rms_norm"):
        for dtype in ("f32", "bf16", "f64"):
            yield Call("op=%s dtype=%s pass=backward backward_stats=saved"
                       % (op, dtype), (3, 4))


def channel_calls():
    shapes = ((3, 4, 5), (2, 4, 2, 2))
    for op, dtype, run in itertools.product(
            ("batch_norm", "group_norm", "instance_norm"), FORMATS,
            ("forward", "backward", "inference", "inference_backward")):
        if op == "group_norm" and run.startswith("inference"):
            continue
        text = "op=%s dtype=%s pass=%s" % (op, dtype, run)
        groups = 2 if op == "group_norm" else 0
        yield Call(text, shapes[0], groups=groups)
        yield Call(text + " layout=channels_last", (2, 3, 2, 4), groups=groups)
    for run in ("forward", "backward"):
        for op, groups in (("batch_norm", 0), ("group_norm", 2),
                           ("instance_norm", 0)):
            text = "op=%s dtype=f32 pass=%s" % (op, run)
            more = " saved=mean_rstd" if run == "forward" \
                else " backward_stats=saved"
            yield Call(text + more, shapes[1], groups=groups)
            yield Call(text + more, (1,) + shapes[1][1:], groups=groups)
            yield Call(text + more + " layout=channels_last", (2, 2, 3, 4),
                       groups=groups)
    yield Call("op=batch_norm dtype=f32", (5, 3))
    yield Call("op=batch_norm dtype=f32 pass=backward", (5, 3))
    yield Call("op=group_norm dtype=f32 saved=mean_var", (2, 6), groups=2)
    batch = "op=batch_norm dtype=f32"
    yield Call(batch, (3, 2, 4), momentum=0.25)
    yield Call(batch + " momentum=old", (3, 2, 4), momentum=0.9)
    yield Call(batch + " momentum=cumulative", (3, 2, 4), batches=6)
    yield Call(batch + " running_var=biased", (3, 2, 4))
    yield Call(batch + " running=none", (3, 2, 4))
    yield Call("op=batch_norm dtype=bf16", (3, 2, 4))
    yield Call("op=instance_norm dtype=f32 running=update", (3, 2, 4))
    yield Call("op=instance_norm dtype=f32 running=update saved=mean_rstd",
               (2, 3, 2, 2))


def main():
    program = os.path.abspath(sys.argv[1])
    count = wrong = 0
    for call in itertools.chain(row_calls(), channel_calls()):
        count += 1
        wrong += not call.check(program)
    print("%d calls, %d wrong" % (count, wrong))
    return 1 if wrong or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
