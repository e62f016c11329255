"""The HTTP side, command line, worker and sandbox: what knows settings, a clock and a database URL."""

import gc

# Starting makes tens of thousands of objects and no garbage: looking for some meanwhile cost a fifth of the start.
gc.set_threshold(100_000, 20, 20)
