"""Writes an arm's table as URDF, for tools that read nothing else."""

import math
from collections.abc import Sequence
from xml.etree import ElementTree

from simulator.model.arm_shapes import ARM_SHAPES
from simulator.model.arm_table import ArmTable, LinkInertia
from simulator.model.shapes import Rod, Shape, Triple

_COLOURS = {"shell": "0.92 0.93 0.95 1", "joint": "0.30 0.32 0.36 1"}


def urdf(table: ArmTable) -> str:
    """Returns the URDF of an arm: links, joints, inertias, limits and shapes; its last link is the flange, "link8".

    The element `position_based_velocity_limits` is Franka's own: libfranka reads it, others skip it.

    URDF has no capsules: a capsule becomes a cylinder of its length without the caps.
    """
    robot = ElementTree.Element("robot", name=table.name)
    _add_link(robot, 0, table.links[0])
    for number, joint in enumerate(table.joints, start=1):
        _add_link(robot, number, table.links[number])
        element = _add_joint(robot, f"joint{number}", "revolute", number - 1, f"link{number}")
        position = (joint.a, -math.sin(joint.alpha) * joint.d, math.cos(joint.alpha) * joint.d)
        ElementTree.SubElement(element, "origin", xyz=_text(position), rpy=_text((joint.alpha, 0.0, 0.0)))
        ElementTree.SubElement(element, "axis", xyz="0 0 1")
        limits = {"lower": joint.lower, "upper": joint.upper, "velocity": joint.speed, "effort": joint.torque}
        ElementTree.SubElement(element, "limit", {name: repr(value) for name, value in limits.items()})
        braking = {"velocity_offset": joint.velocity_offset, "deceleration_limit": joint.deceleration}
        ElementTree.SubElement(
            element, "position_based_velocity_limits", {name: repr(value) for name, value in braking.items()}
        )
        ElementTree.SubElement(element, "dynamics", damping=repr(table.joint_damping))
    ElementTree.SubElement(robot, "link", name="link8")
    fixed = _add_joint(robot, "joint8", "fixed", len(table.joints), "link8")
    ElementTree.SubElement(fixed, "origin", xyz=_text((0.0, 0.0, table.flange_offset)), rpy="0 0 0")
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode", xml_declaration=True)


def _add_joint(robot: ElementTree.Element, name: str, kind: str, parent: int, child: str) -> ElementTree.Element:
    element = ElementTree.SubElement(robot, "joint", name=name, type=kind)
    ElementTree.SubElement(element, "parent", link=f"link{parent}")
    ElementTree.SubElement(element, "child", link=child)
    return element


def _add_link(robot: ElementTree.Element, number: int, facts: LinkInertia) -> None:
    link = ElementTree.SubElement(robot, "link", name=f"link{number}")
    inertial = ElementTree.SubElement(link, "inertial")
    ElementTree.SubElement(inertial, "origin", xyz=_text(facts.center), rpy="0 0 0")
    ElementTree.SubElement(inertial, "mass", value=repr(facts.mass))
    names = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
    terms = {name: repr(value) for name, value in zip(names, facts.inertia, strict=True)}
    ElementTree.SubElement(inertial, "inertia", terms)
    for shape in ARM_SHAPES[number]:
        _add_visual(link, shape)


def _add_visual(link: ElementTree.Element, shape: Shape) -> None:
    visual = ElementTree.SubElement(link, "visual")
    if isinstance(shape, Rod):
        axis = [end - start for start, end in zip(shape.start, shape.end, strict=True)]
        length = math.hypot(*axis)
        center = [0.5 * (start + end) for start, end in zip(shape.start, shape.end, strict=True)]
        # Roll, then pitch, carry z onto the rod's axis.
        roll, pitch = -math.asin(axis[1] / length), math.atan2(axis[0], axis[2])
        ElementTree.SubElement(visual, "origin", xyz=_text(center), rpy=_text((roll, pitch, 0.0)))
        geometry = ElementTree.SubElement(visual, "geometry")
        ElementTree.SubElement(geometry, "cylinder", radius=repr(shape.radius), length=repr(length))
    else:
        ElementTree.SubElement(visual, "origin", xyz=_text(shape.center), rpy="0 0 0")
        geometry = ElementTree.SubElement(visual, "geometry")
        ElementTree.SubElement(geometry, "box", size=_text([2.0 * half for half in shape.half_size]))
    material = ElementTree.SubElement(visual, "material", name=shape.material)
    ElementTree.SubElement(material, "color", rgba=_COLOURS[shape.material])


def _text(values: Sequence[float] | Triple) -> str:
    return " ".join(f"{value:.10g}" for value in values)
