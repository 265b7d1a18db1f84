"""Checks all settings of a build before anything is asked for: what fails late, fails first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from psm.collect.cleaning.licences import SPDX, licence_of
from psm.collect.columns import Stage
from psm.collect.plan import BuildPlan
from psm.errors import ConfigError, PSMError
from psm.importing.cutting import TileCutter


def check_settings(plan: BuildPlan, *, begun: Collection[Stage] = ()) -> None:
    """Refuse settings that a later stage could not work with.

    Imagery is opened and the kinds of models are looked up, unless their stage has begun already:
    then they were good, and a finished build needs neither.

    Args:
        plan: of the build.
        begun: stages that have done something.

    Raises:
        ConfigError: a setting is wrong; the message names it.
        PSMError: what it names is not there.
    """
    config = plan.config
    for name in config.licences:
        if name not in SPDX and licence_of(name) != name:
            raise ConfigError(
                f"licences: {name!r} is no licence; write CC-BY-4.0, CC-BY or CC0-1.0"
            )
    names = Counter(captioner.name or captioner.style for captioner in config.captioners)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ConfigError(f"captioners: two are called {twice[0]!r}; give each a name")
    if Stage.IMAGE not in begun:
        imagery = config.imagery
        try:
            _ = TileCutter(imagery.source, plan.tile_px, plan.gsd_m, imagery.options).provider
        except PSMError as problem:
            raise type(problem)(f"imagery: {problem}") from None
        except TypeError as problem:  # a text where the provider wants a number
            raise ConfigError(f"imagery: options: {problem}") from None
    if Stage.CAPTION not in begun and (config.captioners or config.scorer is not None):
        _check_models(plan)


def _check_models(plan: BuildPlan) -> None:
    from transformers import ClapModel

    from psm.collect.captions.hubmodels import model_type
    from psm.collect.captions.listeners import LISTENERS

    for number, captioner in enumerate(plan.config.captioners):
        try:
            model_type(captioner.model, captioner.revision, LISTENERS, "captions of sounds")
        except ConfigError as problem:
            raise ConfigError(f"captioners.{number}: {problem}") from None
    if (scorer := plan.config.scorer) is not None:
        try:
            model_type(scorer, None, {"clap": ClapModel}, "scores of captions")
        except ConfigError as problem:
            raise ConfigError(f"scorer: {problem}") from None
