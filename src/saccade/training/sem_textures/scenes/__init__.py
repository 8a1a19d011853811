"""The scenes: one file per category, each with several kinds of what that category looks like."""

from collections.abc import Callable, Mapping

from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape
from saccade.training.sem_textures.scenes import (
    biological,
    fibres,
    films,
    mems,
    nanowires,
    particles,
    patterned,
    porous,
    powder,
    tips,
)

SCENES: Mapping[str, Callable[[Generator, Shape], Field]] = {
    "Biological": biological.draw,
    "Fibres": fibres.draw,
    "Films_Coated_Surface": films.draw,
    "MEMS_devices_and_electrodes": mems.draw,
    "Nanowires": nanowires.draw,
    "Particles": particles.draw,
    "Patterned_surface": patterned.draw,
    "Porous_Sponge": porous.draw,
    "Powder": powder.draw,
    "Tips": tips.draw,
}
"""Label to the function that draws a scene of it."""
