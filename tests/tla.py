"""Modules of TLA+ as tree-sitter reads them, and what their operators say, as far as exports use the language."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

Names = Mapping[str, Any]  # Any: the values of TLA+ have no types

INFIX: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "leq": operator.le,
    "gt": operator.gt,
    "geq": operator.ge,
    "plus": operator.add,
    "minus": operator.sub,
    "land": lambda left, right: left and right,
    "lor": lambda left, right: left or right,
    "in": lambda member, found: member in found,
}


@cache
def parser() -> Parser:
    """Return tree-sitter's parser of TLA+."""
    import tree_sitter
    import tree_sitter_tlaplus

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the grammar was built for an older tree-sitter
        return tree_sitter.Parser(tree_sitter.Language(tree_sitter_tlaplus.language()))


class Module:
    """A module without an error."""

    def __init__(self, text: str) -> None:
        self.root = parser().parse(text.encode()).root_node
        assert not self.root.has_error, text
        (self.node,) = [node for node in self.root.named_children if node.type == "module"]

    @property
    def name(self) -> str:
        return of(next(node for node in self.node.named_children if node.type == "identifier"))

    @cached_property
    def operators(self) -> dict[str, tuple[list[str], Node]]:
        """By name: the parameters and the body."""
        found = {}
        for node in self.node.named_children:
            if node.type == "operator_definition":
                *head, body = [child for child in node.named_children if child.type not in ("def_eq", "comment")]
                name, *parameters = [of(child) for child in head]
                assert name not in found
                found[name] = parameters, body
        return found

    def call(self, name: str, *values: Any) -> Any:
        """Return what an operator says. Any: as in `Names`."""
        parameters, body = self.operators[name]
        return self.value(body, dict(zip(parameters, values, strict=True)))

    def value(self, node: Node, names: Names) -> Any:
        """Return the value of an expression. Any: as in `Names`."""
        parts = [child for child in node.named_children if child.type != "comment"]
        match node.type:
            case "string":
                return of(node)[1:-1]
            case "nat_number":
                return int(of(node))
            case "boolean":
                return of(node) == "TRUE"
            case "identifier_ref":
                return names[of(node)] if of(node) in names else self.call(of(node))
            case "bound_op":
                return self.call(of(parts[0]), *(self.value(part, names) for part in parts[1:]))
            case "parentheses":
                return self.value(parts[0], names)
            case "finite_set_literal":
                return {self.value(part, names) for part in parts}
            case "function_evaluation":
                return self.value(parts[0], names)[self.value(parts[1], names)]
            case "function_literal":
                bound, domain = [part for part in parts[0].named_children if part.type != "set_in"]
                inner = parts[-1]
                return {one: self.value(inner, {**names, of(bound): one}) for one in self.value(domain, names)}
            case "if_then_else":
                return self.value(parts[1] if self.value(parts[0], names) else parts[2], names)
            case "case":
                return self.chosen(parts, names)
            case "bound_infix_op":
                left, sign, right = parts
                return INFIX[sign.type](self.value(left, names), self.value(right, names))
            case "bound_prefix_op" if parts[0].type == "lnot":
                return not self.value(parts[1], names)
        raise AssertionError(f"{node.type}: {of(node)}")

    def chosen(self, arms: list[Node], names: Names) -> Any:
        """Return the value of the one arm of a CASE that holds. Any: as in `Names`."""
        open_ = [arm for arm in arms if arm.type == "case_arm" and self.value(arm.named_children[0], names)]
        assert len(open_) < 2  # else any of them may be chosen
        arm = open_[0] if open_ else next(arm for arm in arms if arm.type == "other_arm")
        return self.value(arm.named_children[-1], names)


def of(node: Node) -> str:
    """Return the text of a node."""
    assert node.text is not None
    return str(node.text, "utf-8")
