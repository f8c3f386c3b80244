"""What every peer's program shares: requests from the conductor, answers to it, and the clock.

A request is one line of JSON on standard input, an answer one line on standard output:

  {"do": "about"}                      versions and threads
  {"do": "prepare", "op": …, "args": …}  loads the inputs, compiles, runs once; seconds of that
  {"do": "run", "least": 0.3}          runs for at least so long; the median of its runs
  {"do": "drop"}                       forgets the operation and gives memory back

An operation is a function of its arguments that returns a function without arguments. That one does the work, waits
until all of it is done and returns the result; its attribute "values" makes the numbers to compare of a result, and
"seconds", if there, its own measurement.
"""

import ctypes
import gc
import json
import os
import statistics
import sys
import time
import traceback


class Lacks(Exception):
    """Raised by an operation that the package does not offer, or for which there is no memory."""


def load(np, path, kind, *shape):
    """Returns the array in a file of bare little-endian numbers."""
    return np.fromfile(path, {'float32': '<f4', 'float64': '<f8'}[kind]).reshape(shape)


def spots(rows, columns, count=64):
    """The entries of a matrix that are compared, the same as in the conductor."""
    return [((k * 7919) % rows, (k * 104729 + 13) % columns) for k in range(count)]


def numbers(*arrays):
    """The entries of the arrays at their spots, as a list of floats."""
    return [float(a[i][j]) for a in arrays for i, j in spots(len(a), len(a[0]))]


def measure(work, least):
    """Runs the work again and again for at least so many seconds; the times and the last result."""
    times = []
    while not times or sum(times) < least and len(times) < 1000:
        result = None
        gc.collect()
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
        if hasattr(work, 'seconds'):
            times[-1] = work.seconds(result)
    return times, result


def answer(request, state, operations, about):
    what = request['do']
    if what == 'about':
        return about()
    if what == 'prepare':
        state.clear()
        gc.collect()
        start = time.perf_counter()
        state['work'] = operations[request['op']](**request['args'])
        if not request['args'].get('cold'):
            state['work']()
        return {'seconds': time.perf_counter() - start}
    if what == 'run':
        times, result = measure(state['work'], request['least'])
        return {'seconds': statistics.median(times), 'calls': len(times), 'values': state['work'].values(result)}
    if what == 'drop':
        state.clear()
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            pass
        return {}
    raise ValueError(f'unknown request {what}')


def serve(operations, about):
    """Answers requests until standard input ends."""
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # what a package prints goes to the log
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state, operations, about)
        except Lacks as e:
            reply = {'lacks': str(e)}
        except MemoryError:
            state.clear()
            reply = {'lacks': 'it does not fit into memory'}
        except Exception as e:  # pylint: disable=broad-except
            traceback.print_exc()
            state.clear()
            reply = {'error': f'{type(e).__name__}: {e}'[:2000]}
        out.write(json.dumps(reply) + '\n')
        out.flush()
