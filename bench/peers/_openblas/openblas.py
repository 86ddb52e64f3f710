"""OpenBLAS's side of the products of "inkstone bench peers": it times products
on demand, while the other side waits. A line "m n k ta tb threads ms" on
standard input asks for repetitions during so many milliseconds; the answer is
the shortest, in seconds. With one thread it is processor time that is
measured, with more the wall clock, as on our side. The first line that it
writes says which library it is.

	apt install libopenblas0-openmp
"""
import array
import ctypes
import sys
import time


def load():
    for name in ("libopenblas.so.0", "libblas.so.3"):
        try:
            blas = ctypes.CDLL(name)
            blas.openblas_get_config.restype = ctypes.c_char_p
            return blas
        except (OSError, AttributeError):  # absent, or another library of that name
            pass
    sys.exit("libopenblas.so.0 is not installed")


def floats(count):
    numbers = array.array("f", [0.25, -0.5, 0.125]) * (count // 3 + 1)
    return (ctypes.c_float * count).from_buffer(numbers)


def product(blas, m, n, k, ta, tb):
    a, b, c = floats(m * k), floats(k * n), floats(m * n)
    return lambda: blas.cblas_sgemm(
        101, 112 if ta else 111, 112 if tb else 111, m, n, k,
        ctypes.c_float(1), a, m if ta else k, b, k if tb else n, ctypes.c_float(0), c, n)


def shortest(call, times, ms, clock):
    call()
    best, start = 1e9, time.perf_counter()
    while time.perf_counter() - start < ms / 1e3:
        t = clock()
        for _ in range(times):
            call()
        best = min(best, (clock() - t) / times)
    return best


def main():
    blas = load()
    print(blas.openblas_get_config().decode(), flush=True)
    shape, call = None, None
    for line in sys.stdin:
        *wanted, threads, ms = map(int, line.split())
        if wanted != shape:
            shape, call = wanted, product(blas, *wanted)
        blas.openblas_set_num_threads(threads)
        m, n, k = shape[:3]
        times = 1 + 10_000_000 // (2 * m * n * k)  # a sample of 0.1 ms at least
        print(shortest(call, times, ms, time.thread_time if threads == 1 else time.perf_counter), flush=True)


main()
