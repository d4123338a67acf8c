"""Examples that are run by the tests.

Of flows: `looper`, `audit`, and the notebook `tour.ipynb`. Of `Machine` and `Run` embedded in programs that have
neither tasks nor flows: `door`, `job_queue`, `orders`, `agent`.
"""
