"""Collects what a server refuses in the words of its API before any servicer is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc

from serl_api.errors.table import ApiError, ErrorTable


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Holds the refusals that all servers make alike, each as an error of one API."""

    table: ErrorTable[Any]
    """Statuses of the API's errors."""
    bad_token: ApiError
    """The bearer token is missing or wrong."""
    not_permitted: type[ApiError]
    """The token's role does not allow the call."""
    undecodable: Callable[[str], ApiError]
    """Makes the error of bytes that are no message of the schema, from its sentence."""

    def refuse_token(self, context: grpc.ServicerContext) -> NoReturn:
        """Ends a call whose bearer token is missing or wrong."""
        self.table.abort(context, self.bad_token)

    def refuse_role(self, context: grpc.ServicerContext, role: str) -> NoReturn:
        """Ends a call whose token lacks the role that it needs."""
        text = f"this call needs the role {role}, which the token does not have; send the token of that role"
        self.table.abort(context, self.not_permitted(text, {"role": role}))
