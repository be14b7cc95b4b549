"""Parses requests in the product's own code, once a call is let in.

gRPC's own path for bytes that do not parse keeps some 20 kB of each such call for ever and answers without a reason;
it parses before anybody has asked who calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from serl_api.errors.refusals import Refusals
from serl_api.errors.table import ApiError

Parse = Callable[[bytes], Any]


class Decoding(grpc.ServerInterceptor):
    """Gives handlers bytes on the wire and messages in the servicer. Belongs last, next to the servicers.

    Args:
        refusals: What becomes of bytes that are no message. In the first request they end the call; in a later one
            of a stream, reading it raises the API's error, which the servicer answers like any other.
    """

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Replaces a method's handler by one that parses for itself."""
        given: Any = continuation(handler_call_details)
        if given is None or given.request_deserializer is None:
            return given
        parse = _parser(given.request_deserializer, self._refusals.undecodable)
        if given.request_streaming:
            behave = self._of_stream(given.stream_stream or given.stream_unary, parse, answers=given.response_streaming)
        else:
            behave = self._of_one(given.unary_stream or given.unary_unary, parse)
        behave.experimental_non_blocking = getattr(
            given.unary_stream or given.stream_stream, "experimental_non_blocking", False
        )
        return _BUILD[given.request_streaming, given.response_streaming](behave, None, given.response_serializer)

    def _of_one(self, behave: Callable[..., Any], parse: Parse) -> Any:  # noqa: ANN401
        table = self._refusals.table

        def decode(request: bytes, context: grpc.ServicerContext, *rest: object) -> object:
            try:
                message = parse(request)
            except ApiError as error:
                refusal = error
            else:
                return behave(message, context, *rest)
            return table.abort(context, refusal)

        return decode

    def _of_stream(self, behave: Callable[..., Any], parse: Parse, *, answers: bool) -> Any:  # noqa: ANN401
        table = self._refusals.table

        def decode(requests: Iterator[bytes], context: grpc.ServicerContext) -> object:
            try:
                return behave(map(parse, requests), context)
            except ApiError as error:  # What no servicer of our own lets through.
                refusal = error
            return table.abort(context, refusal)

        def decode_and_answer(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[object]:
            try:
                yield from behave(map(parse, requests), context)
            except ApiError as error:  # The same; reflection does.
                refusal = error
            else:
                return
            table.abort(context, refusal)

        return decode_and_answer if answers else decode


_BUILD: dict[tuple[bool, bool], Callable[..., grpc.RpcMethodHandler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _parser(deserialize: Any, undecodable: Callable[[str], ApiError]) -> Parse:  # noqa: ANN401
    """Makes what turns bytes into a message, or raises the API's error."""
    name = deserialize.__self__.DESCRIPTOR.full_name

    def parse(data: bytes) -> object:
        try:
            return deserialize(data)
        except DecodeError:
            sentence = f"{len(data)} bytes do not parse as {name}; send a message of this server's schema"
        raise undecodable(sentence)

    return parse
