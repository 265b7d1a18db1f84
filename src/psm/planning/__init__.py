"""Planning: where another recorder would teach most, when it should stand there, what it adds."""

from __future__ import annotations

from psm.planning.plan import Plan, plan_sites
from psm.planning.writing import write_plan

__all__ = ["Plan", "plan_sites", "write_plan"]
