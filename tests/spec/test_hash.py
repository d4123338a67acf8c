"""The spec hash: equal for tables that behave alike, and for no others."""

from __future__ import annotations

import pytest
from parcel import PARCEL, changed

from interlock._machine import Machine

ALIKE = {
    "meaning": changed('means = "ready to leave"', 'means = "bereit"'),
    "reason": changed('because = "it is held already"', 'because = "once is enough"'),
    "who-raises": changed('raised_by = "sender"', 'raised_by = "user"'),
    "why-it-recurs": changed("a depot may hold it as often as it likes", "depots are like that"),
    "remark": changed("[states]", "# what a parcel can be\n[states]"),
    "layout": changed('waiting = ["Packed", "Held"]', 'waiting = [\n  "Packed",\n  "Held",\n]'),
    "order": changed('SEND = "Moving"\nLOSE = "Lost"', 'LOSE = "Lost"\nSEND = "Moving"'),
    "order-of-what-is-carried": changed('["waiting", "Lost"]', '["Lost", "Held", "Packed"]'),
    "name-of-a-guard": PARCEL.replace("may_return", "again"),
    "spaces-in-a-guard": changed("taken(RETURN) < returns and insured", "( taken(RETURN)<returns ) and insured"),
    "default-as-a-float": changed("default = 2", "default = 2.0"),
}


@pytest.mark.parametrize("text", ALIKE.values(), ids=ALIKE)
def test_tables_that_behave_alike_have_one_hash(text: str) -> None:
    """Prose, order and layout decide nothing, and the hash does not depend on them."""
    one, other = Machine.from_toml(PARCEL), Machine.from_toml(text)
    assert one.hash == other.hash
    assert one == other
    assert hash(one) == hash(other)


OTHER = {
    "name": changed('lifecycle = "parcel"', 'lifecycle = "letter"'),
    "initial": changed('initial = "Packed"', 'initial = "Held"'),
    "attempt": changed('attempt = ["Moving"]', "attempt = []"),
    "family": changed('Held = { is = "Packed", ', "Held = { "),
    "limit": changed("default = 2", "default = 3"),
    "default-of-an-opaque-guard": changed("default = true", "default = false"),
    "guard": changed("taken(RETURN) < returns", "taken(RETURN) <= returns"),
    "order-of-choices": changed("and insured", "and not insured"),
    "target": changed('DELIVER = "Delivered"', 'DELIVER = ["Delivered if insured", "Lost"]'),
    "carried": changed('["waiting", "Lost"]', '["waiting"]'),
    "what-plugins-may": changed('HOLD = { raised_by = "depot"', 'HOLD = { plugins = "told", raised_by = "depot"'),
    "recurs": changed('WAIT = { raised_by = "driver"', 'WAIT = { recurs = "traffic", raised_by = "driver"'),
}


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_tables_that_behave_differently_have_other_hashes(text: str) -> None:
    """Whatever decides a step is in the hash."""
    one, other = Machine.from_toml(PARCEL), Machine.from_toml(text)
    assert one.hash != other.hash
    assert one != other
