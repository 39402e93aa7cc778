"""The client's side of the worker protocol, against a driver of its own that
plays normgate over pipes. Run: python3 test_normgate.py"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest

import numpy as np

import normgate

HERE = pathlib.Path(__file__).resolve().parent
BYTES = 1 << 28  # sparse, like normgate's; only what is touched exists
POISON = 0xA5

KERNELS = '''
@normgate.kernel("op=rms_norm dtype=f32")
@normgate.kernel("op=rms_norm dtype=f64")
def good(x, gamma, eps):
    square = (x * x).mean(-1, keepdims=True)
    return x / np.sqrt(square + x.dtype.type(eps)) * gamma

@normgate.kernel("op=layer_norm dtype=f32 saved=mean_rstd", "by_tuple")
def by_tuple(x):
    return x + x, x[:, 0] + 1, x[:, 0] + 2

@normgate.kernel("op=layer_norm saved=mean_rstd", "by_name")
def by_name(x):
    return {"rstd": x[:, 0] + 2, "y": x + x, "mean": x[:, 0] + 1}

@normgate.kernel("op=layer_norm dtype=bf16")
def widened(x):
    return normgate.to_bf16(normgate.from_bf16(x) * np.float32(3))

@normgate.kernel("op=layer_norm")
def sees(x, gamma, beta, op, rows, n, eps):
    told = (op, rows, n, eps, gamma is None, beta is None)
    assert told == ("layer_norm", 2, 3, 0.1, True, True), told
    return x

@normgate.kernel("op=layer_norm")
def wrong_shape(x):
    return x[:, :1]

@normgate.kernel("op=layer_norm")
def wrong_dtype(x):
    return x.astype(np.float64)

@normgate.kernel("op=layer_norm")
def too_many(x):
    return x, x

@normgate.kernel("op=layer_norm")
def prints(x):
    print("to stdout")
    os.system("echo from a child")
    return x

@normgate.kernel("op=layer_norm")
def writes(x):
    x[0, 0] = 0
    return x

@normgate.kernel("op=layer_norm")
def makes_writeable(x):
    x.setflags(write=True)
    return x

@normgate.kernel("op=group_norm", "places")
def places(x, gamma, N, C, spatial, num_groups, momentum, batches, pass_):
    told = (x.shape, gamma.shape, N, C, spatial, num_groups, momentum, batches,
            pass_)
    assert told == ((2, 4, 3), (4,), 2, 4, 3, 2, 0.5, 7, "forward"), told
    assert not x.flags.writeable and not gamma.flags.writeable
    by_set = (x.reshape(2, 2, 6)[:, :, 0] + 1)
    return x * gamma[:, None], by_set, by_set + 1

@normgate.kernel("op=batch_norm", "moves")
def moves(x, running_mean, running_var):
    running_mean += x.sum((0, 2))
    return x, running_mean, running_var + 1

@normgate.kernel("op=batch_norm pass=backward", "gradients")
def gradients(x, dy, mean, rstd, beta):
    assert mean.shape == rstd.shape == (4,) and beta is None
    return {"dgamma": mean, "dbeta": rstd, "dx": x * dy}

@normgate.kernel("op=batch_norm", "writes_itself")
def writes_itself(call):
    assert call.op == "batch_norm" and call.residual is None and call.h is None
    call.y[...] = call.x
    call.running_mean[...] = 5

@normgate.kernel("op=layer_norm", "forgets")
def forgets(x):
    pass

def raiser(name, error):
    @normgate.kernel("op=layer_norm", name)
    def run():
        raise error

raiser("raises", ValueError("two\\nlines \\udc80"))
raiser("no_memory", MemoryError("full"))
raiser("not_done", NotImplementedError("n > 1"))
raiser("refuses", normgate.Refused("n is odd"))
raiser("leaves", SystemExit(7))
'''


def script(body):
    return (f"import os, sys\nsys.path.insert(0, {str(HERE)!r})\n"
            f"import numpy as np, normgate\n{textwrap.dedent(body)}\n")


class Driver:
    """normgate's end of the pipes."""

    def __init__(self, directory, body):
        self.path = os.path.join(directory, "memory")
        with open(self.path, "wb") as file:
            file.truncate(BYTES)
        self.calls = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", script(body)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.hello = self.ask({"hello": 1, "memory": self.path,
                               "bytes": BYTES})

    def ask(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def call(self, kernel, inputs, outputs, rows, n, **sizes):
        """The reply, and the outputs' arrays. What is in both is updated."""
        tensors, offset = {}, 4096
        memory = np.memmap(self.path, np.uint8, "r+")
        for role, array in {**inputs, **outputs}.items():
            dtype = {"float64": "f64", "float32": "f32",
                     "uint16": "bf16"}[str(array.dtype)]
            tensors[role] = {"offset": offset, "count": array.size,
                             "dtype": dtype, "output": role in outputs}
            memory[offset:offset + array.nbytes] = (
                np.frombuffer(inputs[role].tobytes(), np.uint8)
                if role in inputs else POISON)
            offset += (array.nbytes // 4096 + 1) * 4096
        memory.flush()
        self.calls += 1
        reply = self.ask({"call": self.calls, "kernel": kernel,
                          "op": "layer_norm", "pass": "forward", "rows": rows,
                          "n": n, "eps": 0.1, "stride": [n, 1, 0], **sizes,
                          "tensors": tensors})
        got = {role: np.frombuffer(memory, array.dtype, array.size,
                                   tensors[role]["offset"]).reshape(
                                       array.shape)
               for role, array in outputs.items()}
        return reply, got

    def end(self):
        """Exit status and what went to stdout and stderr after all calls."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def close(self):
        self.process.kill()
        with self.process:  # closes the pipes and waits
            pass


class Worker(unittest.TestCase):
    X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.driver = Driver(directory.name,
                             KERNELS + "normgate.serve('test 1')")
        self.addCleanup(self.driver.close)

    def call(self, kernel, **outputs):
        return self.driver.call(kernel, {"x": self.X},
                                {"y": np.empty_like(self.X), **outputs}, 2, 3)

    def assert_why(self, kernel, kind, *parts):
        reply, got = self.call(kernel)
        self.assertEqual(set(reply), {kind, "why"})
        self.assertEqual(reply[kind], self.driver.calls)
        self.assertNotIn("\n", reply["why"])
        for part in parts:
            self.assertIn(part, reply["why"])
        self.assertTrue((got["y"].view(np.uint8) == POISON).all())

    def test_hello_names_kernels_and_sources(self):
        kernels = {k["name"]: k for k in self.driver.hello["kernels"]}
        self.assertEqual(self.driver.hello["normgate"], 1)
        self.assertEqual(self.driver.hello["name"], "test 1")
        self.assertEqual(kernels["good_f64"]["contract"],
                         "op=rms_norm dtype=f64")
        self.assertIn("sees_f32", kernels)
        self.assertNotIn("file", kernels["good_f32"])  # of python3 -c

    def test_good_kernel_in_two_dtypes(self):
        for dtype in (np.float32, np.float64):
            x = self.X.astype(dtype)
            gamma = np.array([1, 2, 3], dtype)
            square = (x * x).mean(-1, keepdims=True)
            wanted = x / np.sqrt(square + dtype(0.1)) * gamma
            name = "good_f32" if dtype is np.float32 else "good_f64"
            reply, got = self.driver.call(name, {"x": x, "gamma": gamma},
                                          {"y": np.empty_like(x)}, 2, 3)
            self.assertEqual(reply, {"done": self.driver.calls})
            self.assertEqual(got["y"].tobytes(), wanted.tobytes())

    def test_statistics_by_tuple_and_by_name(self):
        for kernel in ("by_tuple", "by_name"):
            row = np.empty(2, np.float32)
            reply, got = self.call(kernel, mean=row, rstd=row)
            self.assertIn("done", reply)
            np.testing.assert_array_equal(got["y"], self.X * 2)
            np.testing.assert_array_equal(got["mean"], self.X[:, 0] + 1)
            np.testing.assert_array_equal(got["rstd"], self.X[:, 0] + 2)

    def test_outputs_that_are_not_wanted(self):
        row = np.empty(2, np.float32)
        for kernel in ("by_tuple", "by_name"):
            reply, got = self.driver.call(
                kernel, {"x": self.X},
                {"y": np.empty_like(self.X), "rstd": row}, 2, 3,
                null=["mean"])
            self.assertIn("done", reply)
            np.testing.assert_array_equal(got["rstd"], self.X[:, 0] + 2)
        # One that was wanted is still missed.
        reply, _ = self.driver.call(
            "sees_f32", {"x": self.X},
            {"y": np.empty_like(self.X), "rstd": row}, 2, 3, null=["mean"])
        self.assertIn("expected y, rstd to be returned", reply["why"])

    def test_bf16_arrays_are_patterns(self):
        x = normgate.to_bf16(self.X)
        reply, got = self.driver.call("widened_bf16", {"x": x},
                                      {"y": np.empty_like(x)}, 2, 3)
        self.assertIn("done", reply)
        np.testing.assert_array_equal(normgate.from_bf16(got["y"]),
                                      self.X * 3)

    def test_parameters_by_name_and_absent_tensors(self):
        self.assertIn("done", self.call("sees_f32")[0])

    def test_no_elements(self):
        for rows, n in ((0, 3), (2, 0)):
            x = np.empty((rows, n), np.float32)
            reply, _ = self.driver.call("prints_f32", {"x": x}, {"y": x},
                                        rows, n)
            self.assertIn("done", reply)

    def channels(self, kernel, op, outputs, inputs=(), **sizes):
        """A call of a channel op on [2, 4, 3]."""
        x = np.arange(24, dtype=np.float32)
        return self.driver.call(
            kernel, {"x": x, **dict(inputs)},
            {"y": np.empty_like(x), **outputs}, 4, 6,
            **{"op": op, "N": 2, "C": 4, "spatial": 3, "num_groups": 2,
               "momentum": 0.5, "batches": 7, "stride": [12, 3, 1], **sizes})

    def test_channels_lie_where_the_strides_say(self):
        logical = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
        gamma = np.array([1, 2, 3, 4], np.float32)
        wanted = logical * gamma[:, None]
        for stride, extent in (((12, 3, 1), 24), ((12, 1, 4), 24),
                               ((30, 7, 2), 56)):
            places = np.add.outer(
                np.add.outer(np.arange(2) * stride[0],
                             np.arange(4) * stride[1]),
                np.arange(3) * stride[2])
            x = np.full(extent, np.nan, np.float32)
            x[places] = logical
            by_set = np.empty((2, 2), np.float32)
            reply, got = self.channels(
                "places", "group_norm",
                {"y": np.empty_like(x), "mean": by_set, "rstd": by_set},
                {"x": x, "gamma": gamma}, stride=stride)
            self.assertEqual(reply, {"done": self.driver.calls})
            np.testing.assert_array_equal(got["y"][places], wanted)
            between = np.ones(extent, bool)
            between[places] = False
            self.assertTrue((got["y"][between].view(np.uint8) == POISON).all())
            first = logical.reshape(2, 2, 6)[:, :, 0]
            np.testing.assert_array_equal(got["mean"], first + 1)
            np.testing.assert_array_equal(got["rstd"], first + 2)

    def test_running_statistics_are_updated(self):
        old = np.array([10, 20, 30, 40], np.float32)
        running = {"running_mean": old, "running_var": old}
        reply, got = self.channels("moves", "batch_norm", running, running)
        self.assertEqual(reply, {"done": self.driver.calls})
        x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
        np.testing.assert_array_equal(got["running_mean"],
                                      old + x.sum((0, 2)))
        np.testing.assert_array_equal(got["running_var"], old + 1)

    def test_gradients_from_given_statistics(self):
        x = np.arange(24, dtype=np.float32)
        channel = np.array([1, 2, 3, 4], np.float32)
        reply, got = self.driver.call(
            "gradients", {"x": x, "dy": x + 1, "mean": channel,
                          "rstd": channel + 1},
            {"dx": x, "dgamma": channel, "dbeta": channel}, 4, 6,
            **{"op": "batch_norm", "pass": "backward", "N": 2, "C": 4,
               "spatial": 3, "num_groups": 0, "stride": [12, 3, 1]})
        self.assertEqual(reply, {"done": self.driver.calls})
        np.testing.assert_array_equal(got["dx"], x * (x + 1))
        np.testing.assert_array_equal(got["dgamma"], channel)
        np.testing.assert_array_equal(got["dbeta"], channel + 1)

    def test_a_kernel_may_write_its_outputs_itself(self):
        old = np.zeros(4, np.float32)
        reply, got = self.channels("writes_itself", "batch_norm",
                                   {"running_mean": old},
                                   {"running_mean": old})
        self.assertEqual(reply, {"done": self.driver.calls})
        np.testing.assert_array_equal(got["y"], np.arange(24))
        np.testing.assert_array_equal(got["running_mean"], 5)

    def test_nothing_returned_is_an_error(self):
        self.assert_why("forgets", "error", "y: expected float32", "got object")

    def test_results_are_never_cast(self):
        self.assert_why("wrong_shape_f32", "error", "y: expected float32",
                        "(2, 3)", "(2, 1)")
        self.assert_why("wrong_dtype_f32", "error", "y: expected float32",
                        "got float64")
        self.assert_why("too_many_f32", "error", "expected y", "2 value")

    def test_exceptions_become_replies(self):
        self.assert_why("raises", "error", "ValueError: two lines")
        self.assert_why("no_memory", "unsupported", "MemoryError: full")
        self.assert_why("not_done", "unsupported", "n > 1")
        self.assert_why("refuses", "refused", "n is odd")
        self.assert_why("missing", "error", "KeyError", "missing")

    def test_inputs_are_read_only(self):
        self.assert_why("writes_f32", "error", "read-only")
        self.assert_why("makes_writeable_f32", "error", "WRITEABLE")

    def test_prints_stay_out_of_the_protocol(self):
        self.assertIn("done", self.call("prints_f32")[0])
        status, out, err = self.driver.end()
        self.assertEqual((status, out), (0, ""))
        self.assertIn("to stdout", err)
        self.assertIn("from a child", err)

    def test_end_of_input_ends_the_worker(self):
        self.assertEqual(self.driver.end(), (0, "", ""))

    def test_exit_passes_through(self):
        with self.assertRaises(json.JSONDecodeError):  # no reply at all
            self.call("leaves")
        self.assertEqual(self.driver.end()[0], 7)


class Start(unittest.TestCase):
    def run_worker(self, body, line):
        return subprocess.run([sys.executable, "-c", script(body)], text=True,
                              input=line, capture_output=True, timeout=60)

    def test_says_how_to_run_it(self):
        body = KERNELS + "normgate.serve('test 1')"
        for line in ("", "hello\n", '{"hello": 2}\n', "[]\n", "3\n"):
            done = self.run_worker(body, line)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("normgate check worker:", done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_kernels_are_checked_when_registered(self):
        for body, part in (
                ("normgate.kernel('op=rms_norm')(lambda x: x)", "name="),
                ("def f(y): pass\nnormgate.kernel('op=rms_norm')(f)", "'y'"),
                ("def f(x): pass\nfor _ in 1, 2: "
                 "normgate.kernel('op=rms_norm')(f)", "two kernels"),
                ("normgate.serve('none')", "no kernels")):
            done = self.run_worker(body, "")
            self.assertEqual(done.returncode, 1)
            self.assertIn(part, done.stderr)


def value_of(pattern):
    """Of a finite bf16, through struct alone."""
    return struct.unpack("<f", struct.pack("<HH", 0, pattern))[0]


FINITE = [value_of(p) for p in range(0x7F80)]  # ascending from 0
LIMIT = 2.0 ** 128  # the next value, were there one more binade


def nearest(value):
    """The pattern of bf16 nearest to |value|, ties to even, by bisection."""
    low, high = 0, 0x7F80
    while high - low > 1:
        middle = (low + high) // 2
        low, high = ((middle, high) if FINITE[middle] <= value
                     else (low, middle))
    above = FINITE[high] if high < 0x7F80 else LIMIT
    below_gap, above_gap = value - FINITE[low], above - value
    if below_gap == above_gap:
        return low + (low & 1)
    return low if below_gap < above_gap else high


class Sources(unittest.TestCase):
    """Where a kernel is written, however it is wrapped."""
    MODULE = '''import functools
def plain(x):
    return x
@functools.wraps(plain)
def wrapper(*rest):
    return plain(*rest)
class Object:
    def __call__(self, x):
        return x
partial = functools.partial(plain)
given = Object()
'''

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name).resolve()
        self.addCleanup(os.chdir, os.getcwd())

    def source(self, name, here):
        path = self.folder / "kernels" / "norms.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.MODULE)
        module = {}
        exec(compile(self.MODULE, str(path), "exec"), module)
        os.chdir(here)
        return normgate._source(module[name])

    def test_line_of_what_the_author_wrote(self):
        for name, line in (("plain", 2), ("wrapper", 2), ("partial", 2),
                           ("given", 8)):
            self.assertEqual(self.source(name, self.folder),
                             {"file": "kernels/norms.py", "line": line}, name)

    def test_path_from_elsewhere_is_whole(self):
        here = self.folder / "kern"  # begins like it, and is no folder of it
        here.mkdir()
        self.assertEqual(self.source("plain", here)["file"],
                         str(self.folder / "kernels/norms.py"))

    def test_what_is_in_no_file_names_none(self):
        self.assertEqual(normgate._source(np.square), {})
        self.assertEqual(normgate._source(eval("lambda x: x")), {})


class Bf16(unittest.TestCase):
    ALL = np.arange(1 << 16, dtype=np.uint16)

    def test_every_pattern_widens_exactly(self):
        with np.errstate(all="ignore"):
            got = normgate.from_bf16(self.ALL)
        want = [struct.pack("<HH", 0, p) for p in range(1 << 16)]
        self.assertEqual(got.astype("<f4").tobytes(), b"".join(want))

    def test_every_pattern_comes_back(self):
        nan = (self.ALL & 0x7FFF) > 0x7F80
        wide = normgate.from_bf16(self.ALL)
        for dtype in (np.float32, np.float64):
            with np.errstate(all="ignore"):
                back = normgate.to_bf16(wide.astype(dtype))
            np.testing.assert_array_equal(back[~nan], self.ALL[~nan])
            np.testing.assert_array_equal(back[nan], self.ALL[nan] | 0x40)

    def test_nan_of_low_bits_stays_nan(self):
        bits = np.array([0x7F800001, 0xFF80FFFF, 0x7FFFFFFF], np.uint32)
        got = normgate.to_bf16(bits.view(np.float32))
        np.testing.assert_array_equal(got & 0x7FFF > 0x7F80, True)

    def test_every_boundary_of_f32_rounds_to_nearest_even(self):
        """Each midpoint of two neighbours, and the f32 on both sides of it."""
        middle = (np.arange(0x7F80, dtype=np.uint32) << 16) + 0x8000
        for shift in (-1, 0, 1):
            values = (middle + np.uint32(shift & 0xFFFFFFFF)).view(np.float32)
            self.check(values)

    def test_every_boundary_of_f64_rounds_once(self):
        """Next to a midpoint by less than an f32 can show."""
        middle = ((np.arange(0x7F80, dtype=np.uint32) << 16) + 0x8000).view(
            np.float32).astype(np.float64)
        for towards in (0.0, np.inf):
            self.check(np.nextafter(middle, towards))

    def test_extremes_of_f64_and_f16(self):
        self.check(np.array([5e-324, 1e-46, 2.0 ** -134, 2.0 ** -133 * 1.5,
                             3.3895313892515355e38, 3.4e38, 1e300]))
        self.check(np.arange(0x7C00, dtype=np.uint16).view(np.float16))
        self.assertEqual(normgate.to_bf16(np.float64(np.inf)), 0x7F80)

    def test_other_types_are_not_cast(self):
        with self.assertRaises(TypeError):
            normgate.to_bf16(np.arange(3))
        with self.assertRaises(TypeError):
            normgate.from_bf16(np.arange(3))

    def check(self, values):
        want = np.array([nearest(float(v)) for v in values], np.uint16)
        np.testing.assert_array_equal(normgate.to_bf16(values), want)
        np.testing.assert_array_equal(normgate.to_bf16(-values),
                                      want | np.uint16(0x8000))


if __name__ == "__main__":
    unittest.main()
