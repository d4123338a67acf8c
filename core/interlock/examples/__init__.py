"""Examples that are run by the tests: `looper`, `audit`, `door`, and the notebook `tour.ipynb`."""
