"""What Interlock costs, beside what others cost, measured side by side in one run: `python -m tests.benchmarks`.

Run it from the repository root. Each subject is measured several times, each time in a fresh process, and the subjects
take turns, so that a drift of the machine's speed hits all alike. Benchmarks report; they never fail because of a time.

A subject is a `Measure` in the `MEASURES` of a module of this package. A module named `peer_...` also says what pip
shall install (`REQUIRES`, pinned), and imports it only while it measures, for it runs under an interpreter of its own;
by `importlib`, since a peer may have no types, and is not installed where these modules are checked. Each peer has an
environment of its own, for what they need does not go together; one that takes no Python of today says which it takes
(`PYTHONS`). A further peer is one further module, found by its name. One that cannot be had is a line that says why.

Peers are measured as their documents say that they are used, with what they do if nothing else is said, but that they
tell nobody of it; and each holds that its work had the right result. What is built before a run, and serves many, is
not measured.

The folder `results` has what was measured last: `latest.json`, the chart drawn from it, and `large.json` (`--large`).
"""
