"""Lists published facts of each arm: kinematics, link inertias, limits. MJCF and URDF are made from it.

Kinematics and limits are those of Franka's documentation ("Robot and interface specifications", 2024). It gives the
Panda no deceleration before a position limit: its limit of acceleration is taken, without an offset. The Panda's
inertias were identified by Gaz, Cognetti, Oliva, Robuffo Giordano and De Luca (2019), "Dynamic Identification of the
Franka Emika Panda Robot With Retrieval of Feasible Parameters Using Penalty-Based Optimization"; the FR3's are the
maker's own. Link 0 of both is the maker's.
"""

from dataclasses import dataclass

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class JointFacts:
    """Describes one revolute joint about the z axis of its own frame."""

    a: float
    """Distance along the previous x axis, m: a of the previous frame in Craig's convention."""
    d: float
    """Offset along z, m."""
    alpha: float
    """Twist about the previous x axis, rad: alpha of the previous frame in Craig's convention."""
    lower: float
    """Lower position limit, rad."""
    upper: float
    """Upper position limit, rad."""
    speed: float
    """Speed limit, rad/s."""
    torque: float
    """Torque limit, Nm."""
    acceleration: float
    """Limit of commanded acceleration, rad/s^2."""
    jerk: float
    """Limit of commanded jerk, rad/s^3."""
    velocity_offset: float = 0.0
    """Near a position limit the speed limit is sqrt(2 * deceleration * distance) less this, rad/s."""
    deceleration: float
    """Deceleration that has to do before a position limit, rad/s^2."""


@dataclass(frozen=True)
class LinkInertia:
    """Holds the inertial facts of one link, in that link's frame."""

    mass: float
    """kg."""
    center: Triple
    """Centre of mass, m."""
    inertia: tuple[float, float, float, float, float, float]
    """About the centre of mass: xx, yy, zz, xy, xz, yz, kg m^2."""


@dataclass(frozen=True, kw_only=True)
class ArmTable:
    """Holds the facts of one model of arm."""

    name: str
    """Model, in lower case."""
    joints: tuple[JointFacts, ...]
    """From base to flange."""
    links: tuple[LinkInertia, ...]
    """Link 0 (the base) first; one more than joints."""
    flange_offset: float
    """From the last joint's frame to the flange along z, m."""
    home: tuple[float, ...]
    """Joint positions that put the tool at (0.4, 0, 0.25) m, pointing down, rad.

    The elbow is swung to the side: with it straight above, joint 4 meets its limit before a vertical tool comes nearer
    to the base than 0.28 m.
    """
    cartesian_speed: tuple[float, float]
    """Limits of the commanded twist of the end effector: m/s and rad/s."""
    cartesian_acceleration: tuple[float, float]
    """Limits of its derivative: m/s^2 and rad/s^2."""
    joint_damping: float = 1.0
    """Viscous friction left after the joint torque loop, Nms/rad."""
    joint_armature: float = 0.05
    """Rotor inertia at the joint, kg m^2. The torque sensors' inner loop hides most of the real 0.2 to 0.6."""


_QUARTER_TURN = 1.5707963267948966
_FRAMES = (
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -_QUARTER_TURN),
    (0.0, 0.316, _QUARTER_TURN),
    (0.0825, 0.0, _QUARTER_TURN),
    (-0.0825, 0.384, -_QUARTER_TURN),
    (0.0, 0.0, _QUARTER_TURN),
    (0.088, 0.0, _QUARTER_TURN),
)
"""Of both arms, from base to flange: a, m; d, m; alpha, rad."""


def _joints(**limits: tuple[float, ...]) -> tuple[JointFacts, ...]:
    """The joints with limits by name, of each limit one value a joint."""
    rows = zip(_FRAMES, *limits.values(), strict=True)
    return tuple(
        JointFacts(a=a, d=d, alpha=alpha, **dict(zip(limits, row, strict=True))) for (a, d, alpha), *row in rows
    )


PANDA = ArmTable(
    name="panda",
    joints=_joints(
        lower=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
        upper=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
        speed=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
        torque=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
        acceleration=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
        jerk=(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
        deceleration=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
    ),
    links=(
        LinkInertia(
            0.629769, (-0.041018, -0.00014, 0.049974), (0.00315, 0.00388, 0.004285, 8.2904e-07, 0.00015, 8.2299e-06)
        ),
        LinkInertia(
            4.970684, (0.003875, 0.002081, -0.04762), (0.70337, 0.70661, 0.009117, -0.000139, 0.006772, 0.019169)
        ),
        LinkInertia(
            0.646926, (-0.003141, -0.02872, 0.003495), (0.007962, 0.02811, 0.025995, -0.003925, 0.010254, 0.000704)
        ),
        LinkInertia(
            3.228604, (0.027518, 0.039252, -0.066502), (0.037242, 0.036155, 0.01083, -0.004761, -0.011396, -0.012805)
        ),
        LinkInertia(
            3.587895, (-0.05317, 0.104419, 0.027454), (0.025853, 0.019552, 0.028323, 0.007796, -0.001332, 0.008641)
        ),
        LinkInertia(
            1.225946, (-0.011953, 0.041065, -0.038437), (0.035549, 0.029474, 0.008627, -0.002117, -0.004037, 0.000229)
        ),
        LinkInertia(
            1.666555, (0.060149, -0.014117, -0.010517), (0.001964, 0.004354, 0.005433, 0.000109, -0.001158, 0.000341)
        ),
        LinkInertia(
            0.735522, (0.010517, -0.004252, 0.061597), (0.012516, 0.010027, 0.004815, -0.000428, -0.001196, -0.000741)
        ),
    ),
    flange_offset=0.107,
    cartesian_speed=(1.7, 2.5),
    cartesian_acceleration=(13.0, 25.0),
    home=(1.2092241739, -0.9216242813, -1.0704112576, -2.519914628, -0.8119596481, 1.8429893635, 1.4353981634),
)

FR3 = ArmTable(
    name="fr3",
    joints=_joints(
        lower=(-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159),
        upper=(2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159),
        speed=(2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26),
        torque=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
        acceleration=(10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0),
        jerk=(5000.0, 5000.0, 5000.0, 5000.0, 5000.0, 5000.0, 5000.0),
        velocity_offset=(0.3, 0.2, 0.2, 0.3, 0.35, 0.35, 0.35),
        deceleration=(6.0, 2.585, 3.5, 4.0, 17.0, 5.5, 17.0),
    ),
    links=(
        LinkInertia(2.3966, (-0.0172, 0.0004, 0.0745), (0.009, 0.0115, 0.0085, 0.0, 0.002, 0.0)),
        LinkInertia(
            2.9274653454,
            (4.128e-07, -0.0181251324, -0.038603597),
            (0.0239273165, 0.0224821614, 0.0063500983, 1.33179e-05, -0.0001140477, -0.0019950321),
        ),
        LinkInertia(
            2.9355370338,
            (0.0031828864, -0.0743221644, 0.0088146084),
            (0.0419389463, 0.0251451489, 0.0617021447, 0.0002025733, 0.0040777842, -0.0042252158),
        ),
        LinkInertia(
            2.2449013699,
            (0.0407015686, -0.0048200565, -0.0289730823),
            (0.0241014254, 0.0197405327, 0.0190444945, 0.0024046946, -0.0028562693, -0.0021042127),
        ),
        LinkInertia(
            2.6155955791,
            (-0.0459100965, 0.063049296, -0.0085187868),
            (0.0345299832, 0.0288816219, 0.0412547117, 0.0132255227, 0.01015143, -0.0009762834),
        ),
        LinkInertia(
            2.3271207594,
            (-0.0016039605, 0.0292536262, -0.097296599),
            (0.0516102785, 0.0478772971, 0.0164236256, -0.0057151734, -0.0035673168, 0.0106739851),
        ),
        LinkInertia(
            1.8170376524,
            (0.0597131221, -0.0410294666, -0.0101692726),
            (0.0054123336, 0.0140583295, 0.0160808179, 0.0061934564, 0.0014219289, -0.0013140754),
        ),
        LinkInertia(
            0.6271432862,
            (0.0045225817, 0.0086261921, -0.0161633251),
            (0.0002109239, 0.0001771857, 5.99319e-05, -2.43330e-05, 4.56448e-05, 8.74407e-05),
        ),
    ),
    flange_offset=0.107,
    cartesian_speed=(3.0, 2.5),
    cartesian_acceleration=(9.0, 17.0),
    home=(1.2092241739, -0.9216242813, -1.0704112576, -2.519914628, -0.8119596481, 1.8429893635, 1.4353981634),
)

ARMS = {table.name: table for table in (PANDA, FR3)}
