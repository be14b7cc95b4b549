"""Says which role each method of every server demands, and which roles a token gives."""

from __future__ import annotations

import enum
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import grpc

from serl_api.settings import ConfigError, read_toml


class Role(enum.Enum):
    """Names what a token is for."""

    OBSERVE = "observe"
    """Read states, frames and progress, and stop the arm: that is never refused for want of a role."""
    CONTROL = "control"
    """Claim and move the arm, arm an e-stop, lead out of stops and faults, load a simulator's tasks."""
    TRAIN = "train"
    """Join a learner, send it steps and receive its policy."""
    ADMINISTER = "administer"
    """Everything: also what only a test may know or do, such as ground truth, injected faults and reflection."""

    @property
    def includes(self) -> frozenset[Role]:
        """Returns the roles that it plays as well, itself among them."""
        return frozenset(Role) if self is Role.ADMINISTER else frozenset({self, Role.OBSERVE})


_ROBOT, _CAMERA = "/serl.robot.v1.RobotService/", "/serl.robot.v1.CameraService/"
_SIMULATOR, _LEARNER = "/serl.simulator.v1.SimulatorService/", "/serl.learner.v1.LearnerService/"

REQUIRED_ROLES: Mapping[str, Role] = MappingProxyType(
    {
        f"{_ROBOT}GetInfo": Role.OBSERVE,
        f"{_ROBOT}GetState": Role.OBSERVE,
        f"{_ROBOT}StreamState": Role.OBSERVE,
        f"{_ROBOT}Control": Role.CONTROL,
        f"{_ROBOT}Stop": Role.OBSERVE,
        f"{_ROBOT}EStop": Role.CONTROL,
        f"{_ROBOT}ClearStop": Role.CONTROL,
        f"{_ROBOT}RecoverFromFault": Role.CONTROL,
        f"{_ROBOT}SyncTime": Role.OBSERVE,
        f"{_ROBOT}ListFaults": Role.OBSERVE,
        f"{_CAMERA}ListCameras": Role.OBSERVE,
        f"{_CAMERA}GetFrame": Role.OBSERVE,
        f"{_CAMERA}StreamFrames": Role.OBSERVE,
        f"{_SIMULATOR}ListTasks": Role.OBSERVE,
        f"{_SIMULATOR}LoadTask": Role.CONTROL,
        f"{_SIMULATOR}SetSeed": Role.CONTROL,
        f"{_SIMULATOR}SetPacing": Role.CONTROL,
        f"{_SIMULATOR}RenderView": Role.OBSERVE,
        f"{_SIMULATOR}GetGroundTruth": Role.ADMINISTER,
        f"{_SIMULATOR}InjectFault": Role.ADMINISTER,
        f"{_SIMULATOR}ClearInjections": Role.ADMINISTER,
        f"{_LEARNER}Join": Role.TRAIN,
        f"{_LEARNER}StreamSteps": Role.TRAIN,
        f"{_LEARNER}WatchPolicy": Role.TRAIN,
        f"{_LEARNER}ReportEpisode": Role.TRAIN,
        f"{_LEARNER}ReportEvaluation": Role.TRAIN,
        f"{_LEARNER}GetProgress": Role.OBSERVE,
    }
)
"""Role of each method, by its path; whatever is not listed, reflection among it, is an administrator's."""

_OPEN_METHODS = "/grpc.health.v1.Health/"
"""What a load balancer asks without a token."""


def read_role_tokens(path: Path) -> Mapping[str, Role]:
    """Reads a TOML file with the token of each role, such as `observe = "..."`.

    Returns:
        The role of each token.

    Raises:
        ConfigError: The file cannot be read, is no such table, or two roles share a token.
    """
    try:
        table = read_toml(path)
    except ConfigError as error:
        raise ConfigError(f"{path} {error}") from None
    names = [role.value for role in Role]
    roles: dict[str, Role] = {}
    for name, token in table.items():
        if name not in names:
            raise ConfigError(f'{path} has a token for "{name[:80]}"; the roles are {", ".join(names)}')
        if not (isinstance(token, str) and token.strip() == token != "" and token.isascii() and token.isprintable()):
            raise ConfigError(
                f"{path}: the token of {name} must be a text of printable ASCII without blanks at its ends"
            )
        if token in roles:
            raise ConfigError(f"{path}: {roles[token].value} and {name} share a token; give each role its own")
        roles[token] = Role(name)
    if not roles:
        raise ConfigError(f'{path} has no token; write one for each role, such as observe = "TOKEN"')
    return roles


class RoleChecker(grpc.ServerInterceptor):
    """Refuses every call without a token, or with one of too small a role; health checks apart.

    Args:
        roles: Role of each token.
        refuse_token: Aborts a call without a known token.
        refuse_role: Aborts a call whose token lacks the role.
    """

    def __init__(
        self,
        roles: Mapping[str, Role],
        refuse_token: Callable[[grpc.ServicerContext], NoReturn],
        refuse_role: Callable[[grpc.ServicerContext, str], NoReturn],
    ) -> None:
        self._roles = [(f"Bearer {token}".encode(), role) for token, role in roles.items()]
        self._refuse_token = _refusal(refuse_token)
        self._refuse_role = {role: _refusal(_naming(refuse_role, role)) for role in Role}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Lets a call pass, or replaces its handler by a refusal."""
        method = handler_call_details.method
        if method.startswith(_OPEN_METHODS):
            return continuation(handler_call_details)
        role = self.role_of(handler_call_details.invocation_metadata or ())
        if role is None:
            return self._refuse_token
        needed = REQUIRED_ROLES.get(method, Role.ADMINISTER)
        return continuation(handler_call_details) if needed in role.includes else self._refuse_role[needed]

    def role_of(self, metadata: Iterable[tuple[str, str | bytes]]) -> Role | None:
        """Finds the role of a call's token. Every token is compared in full, so that time tells nothing."""
        found = None
        for key, value in metadata:
            if key == "authorization":
                given = value if isinstance(value, bytes) else value.encode()
                for expected, role in self._roles:
                    if hmac.compare_digest(given, expected):
                        found = role
        return found


def _naming(
    refuse: Callable[[grpc.ServicerContext, str], NoReturn], role: Role
) -> Callable[[grpc.ServicerContext], NoReturn]:
    return lambda context: refuse(context, role.value)


def _refusal(refuse: Callable[[grpc.ServicerContext], NoReturn]) -> grpc.RpcMethodHandler:
    def handler(_requests: Iterator[object], context: grpc.ServicerContext) -> NoReturn:
        refuse(context)

    return grpc.stream_stream_rpc_method_handler(handler)  # Fits calls of every kind.
