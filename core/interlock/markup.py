"""The models that the markup of `transitions` needs which `draw(machine, "transitions")` writes."""

from __future__ import annotations

from interlock._export_markup import Model

__all__ = ["Model"]
