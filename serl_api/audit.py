"""Writes who claimed, moved, stopped, recovered, loaded or joined what: from which peer, with which role, to what end.

One line a call, in the logger `serl.audit`, after the call was answered: nothing waits for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf import text_format
from google.protobuf.message import Message

from serl_api.roles import Role

LOGGER = "serl.audit"
FIELDS = "audit_fields"
"""Attribute of a log record that holds what the line says, for logs that are read by programs."""
ANYONE = "anyone"
"""Role of a caller where the server has no tokens."""
_LONGEST = 100
"""Characters of a value that are written; a peer chooses them."""

RoleOf = Callable[[Iterable[tuple[str, str | bytes]]], Role | None]

_ROBOT, _SIMULATOR = "/serl.robot.v1.RobotService/", "/serl.simulator.v1.SimulatorService/"
_LEARNER = "/serl.learner.v1.LearnerService/"

AUDITED_CALLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        f"{_ROBOT}Stop": ("client_name", "text"),
        f"{_ROBOT}ClearStop": ("client_name",),
        f"{_ROBOT}RecoverFromFault": ("client_name", "fault_ids"),
        f"{_SIMULATOR}LoadTask": ("name", "seed"),
        f"{_SIMULATOR}SetSeed": ("seed",),
        f"{_SIMULATOR}SetPacing": ("pacing",),
        f"{_SIMULATOR}InjectFault": ("fault",),
        f"{_SIMULATOR}ClearInjections": (),
        f"{_LEARNER}Join": ("actor_id", "package_version"),
        f"{_LEARNER}ReportEvaluation": ("actor_id", "evaluation"),
    }
)
"""Calls of one request that are written, by path, each with what is written of its request."""

AUDITED_REQUESTS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        f"{_ROBOT}Control": {
            "open": ("client_name", "session_class", "take_over", "compliance"),
            "set_compliance": ("compliance",),
            "set_load": ("mass_kg", "center_of_mass_m", "inertia_kg_m2"),
            "activate_gripper": (),
        },
        f"{_ROBOT}EStop": {"arm": ("client_name", "timeout"), "press": ("text",), "release": ()},
    }
)
"""Requests of streams that are written, by path and kind; each ends with the next answer, or with the stream."""


class AuditLog(grpc.ServerInterceptor):
    """Writes the calls that change what others see or do. Belongs behind what parses.

    Args:
        role_of: Finds the role of a call by its metadata; None where the server has no tokens.
    """

    def __init__(self, role_of: RoleOf | None) -> None:
        self._role_of = role_of
        self._logger = logging.getLogger(LOGGER)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Replaces the handler of an audited method by one that writes."""
        given: Any = continuation(handler_call_details)
        method = handler_call_details.method
        if given is None or method not in AUDITED_CALLS.keys() | AUDITED_REQUESTS.keys():
            return given
        coders = (given.request_deserializer, given.response_serializer)
        if method in AUDITED_CALLS:
            return grpc.unary_unary_rpc_method_handler(self._of_one(method, given.unary_unary), *coders)
        return grpc.stream_stream_rpc_method_handler(self._of_stream(method, given.stream_stream), *coders)

    def _of_one(self, method: str, behave: Callable[..., Any]) -> Callable[..., Any]:
        name, fields = method.rpartition("/")[2], AUDITED_CALLS[method]

        def call(request: Any, context: grpc.ServicerContext) -> object:  # noqa: ANN401
            is_answered = False
            try:
                response = behave(request, context)
                is_answered = True
                return response
            finally:
                self._write(name, _described(request, fields), context, is_answered=is_answered)

        return call

    def _of_stream(self, method: str, behave: Callable[..., Any]) -> Callable[..., Any]:
        name, kinds = method.rpartition("/")[2], AUDITED_REQUESTS[method]

        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[object]:
            asked: list[tuple[str, dict[str, str]]] = []
            is_over = False

            def note(request: Any) -> Any:  # noqa: ANN401
                kind = request.WhichOneof("request")
                if kind in kinds:
                    asked.append((f"{name}.{kind}", _described(getattr(request, kind), kinds[kind])))
                return request

            try:
                for response in behave(map(note, requests), context):
                    if asked:
                        self._write(*asked.pop(0), context, is_answered=True)
                    yield response
                is_over = True
            finally:
                for request in asked:
                    self._write(*request, context, is_answered=is_over)

        return call

    def _write(self, name: str, values: Mapping[str, str], context: Any, *, is_answered: bool) -> None:  # noqa: ANN401
        role = None if self._role_of is None else self._role_of(context.invocation_metadata())
        fields = {
            "call": name,
            "outcome": "OK" if is_answered else getattr(context.code(), "name", "CANCELLED"),
            "peer": context.peer(),
            "role": ANYONE if role is None else role.value,
            **_certificate(context),
            **values,
        }
        text = " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
        self._logger.info("%s", text, extra={FIELDS: fields})


def _certificate(context: grpc.ServicerContext) -> dict[str, str]:
    names: Any = context.auth_context().get("x509_common_name", ())
    for name in names:
        return {"certificate": name.decode(errors="replace")[:_LONGEST]}
    return {}


def _described(message: Message, names: Iterable[str]) -> dict[str, str]:
    """Describes the fields of a request that are set, each cut to what fits a line."""
    fields = message.DESCRIPTOR.fields_by_name
    kinds = message.DESCRIPTOR.oneofs_by_name
    described: dict[str, str] = {}
    for name in names:
        field = message.WhichOneof(name) if name in kinds else name
        value = getattr(message, field) if field else None
        if value and (not isinstance(value, Message) or message.HasField(field)):
            text = _text(value, fields[field])
            described[name] = (text if field == name else f"{field} {text}".strip())[:_LONGEST]
    return described


def _text(value: Any, field: Any) -> str:  # noqa: ANN401 - whatever a field holds.
    if isinstance(value, Message):
        return text_format.MessageToString(value, as_one_line=True)
    if field.enum_type is not None:
        number = field.enum_type.values_by_number.get(value)
        return str(value) if number is None else number.name
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    return ", ".join(str(item)[:_LONGEST] for item in list(value)[:_LONGEST])
