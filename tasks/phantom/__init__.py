"""Synthetic axial T2-weighted pelvic MRI with lateral lymph node compartments and nodes.

No patient is in it: a schematic pelvis is posed and resized at random, nodes are planted in its
compartments by the task's own rule, and a scanner's coil and noise are laid over it.
"""

from tasks.phantom.acquisition import PROTOCOLS, Centre, Protocol, draw_geometry
from tasks.phantom.image import PhantomVolumes, draw_phantom
from tasks.phantom.lymph_nodes import NodePlan, PlantedNode

__all__ = [
    "PROTOCOLS",
    "Centre",
    "NodePlan",
    "PhantomVolumes",
    "PlantedNode",
    "Protocol",
    "draw_geometry",
    "draw_phantom",
]
