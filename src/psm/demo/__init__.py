"""The main job: an Earth, a model, its measure, its maps, in one report."""

from psm.demo.pipeline import run_demo

__all__ = ["run_demo"]
