"""Products beside OpenBLAS: both sides alternate, so that a noisy machine
disturbs both alike. Prints the best GFLOP/s of each and the median and the
quartiles of the ratios ours / OpenBLAS (above 1: we are faster). With one
thread it is processor time that is measured, with two the wall clock.

	apt install libopenblas0-openmp
	OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 python3 bench/peers/_openblas/openblas.py [rounds]
"""
import ctypes, os, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
SHAPES = [  # m, n, k, transposed A, transposed B, what it is
    (1024, 1024, 1024, 0, 0, "square"),
    (256, 3072, 768, 0, 0, "GPT-2 feed-forward"),
    (256, 3072, 768, 0, 1, "the same, weights (out, in)"),
    (768, 384, 128, 0, 1, "small GPT, forward"),
    (768, 128, 384, 0, 0, "small GPT, dX"),
    (384, 128, 768, 1, 0, "small GPT, dW"),
    (3072, 1536, 384, 0, 1, "medium GPT, forward"),
    (3072, 384, 1536, 0, 0, "medium GPT, dX"),
    (1536, 384, 3072, 1, 0, "medium GPT, dW"),
    (3072, 600, 128, 0, 1, "head, 600 tokens"),
    (256, 50257, 768, 0, 1, "head, 50257 tokens"),
    (64, 64, 32, 0, 1, "scores of one head"),
    (64, 32, 64, 0, 0, "values of one head"),
    (3072, 16, 128, 0, 0, "tall"),
]


THREADS = [int(t) for t in os.environ.get("THREADS", "1 2").split()]


def load():
    for name in ("libopenblas.so.0", "libblas.so.3"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    sys.exit("openblas.py: libopenblas.so.0 not found")


def theirs(blas, m, n, k, ta, tb, ms, threads):
    clock = time.thread_time if threads == 1 else time.perf_counter
    floats = lambda count: (ctypes.c_float * count)(*([0.25, -0.5, 0.125] * (count // 3 + 1))[:count])
    a, b, c = floats(m * k), floats(k * n), floats(m * n)
    call = lambda: blas.cblas_sgemm(101, 112 if ta else 111, 112 if tb else 111, m, n, k,
                                    ctypes.c_float(1), a, m if ta else k, b, k if tb else n, ctypes.c_float(0), c, n)
    call()
    times = 1 + 10_000_000 // (2 * m * n * k)  # a sample of 0.1 ms at least
    while True:  # one round each time the generator is asked
        best, start = 1e9, time.perf_counter()
        while time.perf_counter() - start < ms / 1e3:
            t = clock()
            for _ in range(times):
                call()
            best = min(best, (clock() - t) / times)
        yield best


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    exe = os.path.join(os.environ.get("TMPDIR", "/tmp"), "inkstone-openblas")
    subprocess.run(["go", "build", "-o", exe, "./bench/peers/_openblas"], cwd=MODULE, check=True)
    blas = load()
    blas.openblas_get_config.restype = ctypes.c_char_p
    print(blas.openblas_get_config().decode())
    ours = subprocess.Popen([exe], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print("%-28s %22s %3s %8s %8s %7s  %s" % ("what", "m×n×k", "thr", "ours", "theirs", "ratio", "quartiles"))
    for m, n, k, ta, tb, what in SHAPES:
        if only not in what:
            continue
        for threads in THREADS:
            blas.openblas_set_num_threads(threads)
            ms = max(20, 3 * 2e3 * m * n * k / (90e9 * threads))
            them, bt, bu, ratios = theirs(blas, m, n, k, ta, tb, ms, threads), 1e9, 1e9, []
            for _ in range(rounds):
                ours.stdin.write("%d %d %d %d %d %d %d\n" % (m, n, k, ta, tb, threads, ms))
                ours.stdin.flush()
                us, it = float(ours.stdout.readline()), next(them)
                ratios.append(it / us)
                bu, bt = min(bu, us), min(bt, it)
            flop = 2e-9 * m * n * k
            quarter = statistics.quantiles(ratios, n=4)
            print("%-28s %22s %3d %8.1f %8.1f %7.2f  %.2f–%.2f" % (
                what, "%d×%d×%d %s%s" % (m, n, k, "NT"[ta], "NT"[tb]), threads,
                flop / bu, flop / bt, quarter[1], quarter[0], quarter[2]), flush=True)


main()
