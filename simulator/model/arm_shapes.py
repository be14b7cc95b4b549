"""Lists what the arm looks like: primitives in each link's frame, after the published outline of the Panda."""

from simulator.model.shapes import Block, Rod, Shape

ARM_SHAPES: tuple[tuple[Shape, ...], ...] = (
    (  # Link 0: foot, body with the connector box behind, column.
        Block((-0.04, 0.0, 0.008), (0.115, 0.09, 0.008), "joint"),
        Rod((-0.10, 0.0, 0.055), (0.0, 0.0, 0.055), 0.062),
        Block((-0.03, 0.0, 0.035), (0.10, 0.072, 0.028)),
        Rod((0.0, 0.0, 0.03), (0.0, 0.0, 0.132), 0.066, flat=True),
        Rod((0.0, 0.0, 0.132), (0.0, 0.0, 0.142), 0.060, "joint", flat=True),
    ),
    (  # Link 1: the column goes on to the shoulder's cross piece.
        Rod((0.0, 0.0, -0.191), (0.0, 0.0, -0.06), 0.063, flat=True),
        Rod((0.0, -0.022, -0.055), (0.0, 0.0, 0.0), 0.060),
        Rod((0.0, -0.072, 0.0), (0.0, 0.012, 0.0), 0.062, flat=True),
        Rod((0.0, -0.078, 0.0), (0.0, -0.072, 0.0), 0.050, "joint", flat=True),
    ),
    (  # Link 2: the other half of the shoulder, then the upper arm.
        Rod((0.0, 0.0, 0.014), (0.0, 0.0, 0.072), 0.060, flat=True),
        Rod((0.0, 0.0, 0.012), (0.0, 0.0, 0.016), 0.056, "joint", flat=True),
        Rod((0.0, 0.0, 0.072), (0.0, 0.0, 0.078), 0.048, "joint", flat=True),
        Rod((0.0, 0.0, 0.03), (0.0, -0.07, 0.0), 0.056),
        Rod((0.0, -0.06, 0.0), (0.0, -0.192, 0.0), 0.060, flat=True),
        Rod((0.0, -0.192, 0.0), (0.0, -0.200, 0.0), 0.055, "joint", flat=True),
    ),
    (  # Link 3: leans forward to the elbow.
        Rod((0.0, 0.0, -0.117), (0.0, 0.0, -0.075), 0.060, flat=True),
        Rod((0.0, 0.0, -0.075), (0.07, 0.0, -0.012), 0.055),
        Rod((0.0825, -0.062, 0.0), (0.0825, 0.012, 0.0), 0.056, flat=True),
        Rod((0.0825, -0.068, 0.0), (0.0825, -0.062, 0.0), 0.045, "joint", flat=True),
    ),
    (  # Link 4: back from the elbow to the forearm's axis.
        Rod((0.0, 0.0, -0.014), (0.0, 0.0, -0.066), 0.054, flat=True),
        Rod((0.0, 0.0, -0.010), (0.0, 0.0, -0.016), 0.051, "joint", flat=True),
        Rod((0.0, 0.0, -0.066), (0.0, 0.0, -0.072), 0.044, "joint", flat=True),
        Rod((-0.012, 0.01, -0.012), (-0.0825, 0.075, 0.0), 0.053),
        Rod((-0.0825, 0.07, 0.0), (-0.0825, 0.122, 0.0), 0.057, flat=True),
        Rod((-0.0825, 0.122, 0.0), (-0.0825, 0.130, 0.0), 0.052, "joint", flat=True),
    ),
    (  # Link 5: the forearm, thin and set back towards the wrist.
        Rod((0.0, 0.0, -0.255), (0.0, 0.0, -0.205), 0.057, flat=True),
        Rod((0.0, 0.0, -0.205), (0.0, 0.058, -0.12), 0.048),
        Rod((0.0, 0.058, -0.12), (0.0, 0.062, -0.03), 0.040),
        Rod((0.0, 0.044, 0.0), (0.0, 0.098, 0.0), 0.050, flat=True),
        Rod((0.0, 0.098, 0.0), (0.0, 0.104, 0.0), 0.041, "joint", flat=True),
        Rod((0.0, 0.040, 0.0), (0.0, 0.045, 0.0), 0.046, "joint", flat=True),
    ),
    (  # Link 6: the wrist, 88 mm across to the last axis.
        Rod((0.0, 0.0, -0.040), (0.0, 0.0, 0.045), 0.050, flat=True),
        Rod((0.0, 0.0, 0.045), (0.0, 0.0, 0.051), 0.040, "joint", flat=True),
        Rod((0.012, 0.0, 0.0), (0.072, 0.0, 0.0), 0.045),
        Rod((0.088, 0.052, 0.0), (0.088, -0.040, 0.0), 0.048, flat=True),
        Rod((0.088, 0.058, 0.0), (0.088, 0.052, 0.0), 0.036, "joint", flat=True),
    ),
    (  # Link 7: the short piece above the flange, with the two buttons' handle to the side.
        Rod((0.0, 0.0, 0.041), (0.0, 0.0, 0.047), 0.043, "joint", flat=True),
        Rod((0.0, 0.0, 0.047), (0.0, 0.0, 0.092), 0.047, flat=True),
        Rod((0.0, 0.0, 0.070), (0.042, 0.042, 0.070), 0.023),
        Rod((0.0, 0.0, 0.092), (0.0, 0.0, 0.107), 0.034, "joint", flat=True),
    ),
)
"""Shapes of link 0 (the base) to link 7."""

TABLE_CONTACT_SHAPES: dict[int, Shape] = {
    5: Rod((0.0, 0.058, -0.20), (0.0, 0.062, 0.0), 0.055),
    6: Rod((0.0, 0.0, 0.0), (0.088, 0.0, 0.0), 0.055),
}
"""The few shapes by link that collide, with the table alone.

The workspace box keeps the tool, not the elbow, above the table; forearm and wrist are what a joint target could drive
into it. Contact among the links, and of links with props, is left out: the real arm's controller guards against the
first, and the second needs no more than hand and fingers. Each pair costs time in every physics step.
"""
