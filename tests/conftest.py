"""Shared by all tests: seeded property tests, one thread a worker."""

from __future__ import annotations

import torch
from hypothesis import settings

# Derandomised: a red test is red for everybody. No deadline: a first call may load libraries.
settings.register_profile("psm", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("psm")
torch.set_num_threads(1)
