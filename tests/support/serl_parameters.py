"""Holds the compliance that HIL-SERL inserts memory modules with, by SERL's names: it pulls harder down than up."""

RAM_INSERTION = {
    "translational_stiffness": 2000.0,
    "translational_damping": 89.0,
    "rotational_stiffness": 150.0,
    "rotational_damping": 7.0,
    "translational_Ki": 0.0,
    "translational_clip_x": 0.0075,
    "translational_clip_y": 0.0016,
    "translational_clip_z": 0.0055,
    "translational_clip_neg_x": 0.002,
    "translational_clip_neg_y": 0.0016,
    "translational_clip_neg_z": 0.005,
    "rotational_clip_x": 0.01,
    "rotational_clip_y": 0.025,
    "rotational_clip_z": 0.005,
    "rotational_clip_neg_x": 0.01,
    "rotational_clip_neg_y": 0.025,
    "rotational_clip_neg_z": 0.005,
    "rotational_Ki": 0.0,
}
