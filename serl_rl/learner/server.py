"""Builds the learner's server, with workers for the streams of every actor."""

from __future__ import annotations

from serl.learner.v1 import learner_service_pb2, learner_service_pb2_grpc

from serl_api.errors.refusals import Refusals
from serl_api.security import ServerSecurity
from serl_api.server import ApiServer
from serl_rl import errors
from serl_rl.learner.service import LearnerServicer
from serl_rl.protocol.transport import LEARNER_ERRORS

# Workers beyond calls that last, for the others and for reflection.
_HEADROOM = 16
_REFUSALS = Refusals(
    table=LEARNER_ERRORS,
    bad_token=errors.BadTokenError("the bearer token is missing or wrong; pass the learner's --token-file"),
    not_permitted=errors.NotPermittedError,
    undecodable=lambda sentence: errors.InvalidBatchError(sentence, {"field": "request"}),
)


def learner_server(servicer: LearnerServicer, address: str, security: ServerSecurity, max_streams: int) -> ApiServer:
    """Builds a server that has not started yet.

    Args:
        servicer: Answers the calls.
        address: "host:port" or "unix:/path".
        security: TLS files and token.
        max_streams: Streams of each kind that the servicer allows.

    Raises:
        ConfigError: The address is unprotected, or a file cannot be read.
    """
    server = ApiServer(address, security, refusals=_REFUSALS, workers=3 * max_streams + _HEADROOM)
    service = learner_service_pb2.DESCRIPTOR.services_by_name["LearnerService"]
    server.add(learner_service_pb2_grpc.add_LearnerServiceServicer_to_server, servicer, service)
    return server
