"""Bytes as a careless or hostile peer sends them: random, mutated, and messages of extreme values; all from a seed."""

import itertools
import math
import random

from google.protobuf import descriptor as descriptors

NAMES = ("", "wrist", "front", "cube", "hand", "a", "state", "é", "\0", "../../x", "x" * 129, "y" * 9000, "\U0001f980")
REALS = (0.0, -0.0, 1.0, -1.0, 0.02, 0.3, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1e-9, 6e3)
WHOLES = (0, 1, 2, 3, 7, -1, 255, 2**31 - 1, -(2**31), 2**32 - 1, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
_DEEPEST = 6
_LONGEST = 40
_F = descriptors.FieldDescriptor
_BOUNDS = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
    _F.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
}


class Mutator:
    """Makes bytes from one seed."""

    def __init__(self, seed, names=NAMES):
        self.random = random.Random(seed)
        self._names = names

    def message_bytes(self, kind, samples=()):
        """Bytes meant for a kind of message: any, of extreme values, or a sample with something changed."""
        choice = self.random.random()
        if choice < 0.1:
            return self.random.randbytes(self.random.randrange(60))
        if choice < 0.5 and samples:
            message = kind.FromString(self.random.choice(samples).SerializeToString())
            self.change(message)
        else:
            message = kind()
            self.fill(message)
        data = message.SerializeToString()
        return self.mutated(data) if self.random.random() < 0.3 else data

    def mutated(self, data):
        """Data with a few bytes flipped, removed, doubled or put in."""
        data = bytearray(data)
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randrange(len(data) + 1)
            length = self.random.choice((1, 1, 2, 4, 8, 64))
            match self.random.randrange(5):
                case 0:
                    data[at : at + 1] = bytes([self.random.randrange(256)])
                case 1:
                    del data[at : at + length]
                case 2:
                    data[at:at] = data[at : at + length]
                case 3:
                    data[at:at] = self.random.randbytes(length)
                case _:
                    data[at : at + length] = self.random.choice((b"\x00", b"\xff", b"\x7f")) * length
        if self.random.random() < 0.1:
            del data[self.random.randrange(len(data) + 1) :]
        return bytes(data)

    def fill(self, message, depth=0):
        """Sets fields of a message to extreme or plausible values; of a `oneof` the last choice wins."""
        for field in message.DESCRIPTOR.fields:
            if self.random.random() < 0.6:
                self._set(message, field, depth)

    def change(self, message):
        """Changes one field somewhere in a message, and leaves the rest."""
        while True:
            deeper = [
                value
                for field, value in message.ListFields()
                if field.message_type is not None
                and not field.is_repeated
                and not field.message_type.GetOptions().map_entry
            ]
            deeper += list(
                itertools.chain(*(v for f, v in message.ListFields() if f.is_repeated and _is_list_of_messages(f)))
            )
            if not deeper or self.random.random() < 0.3:
                break
            message = self.random.choice(deeper)
        if message.DESCRIPTOR.fields:
            self._set(message, self.random.choice(message.DESCRIPTOR.fields), 0)

    def _set(self, message, field, depth):
        if field.is_repeated:
            message.ClearField(field.name)
            count = self.random.choice((0, 1, 2, 3, 7, 7, _LONGEST))
            values = getattr(message, field.name)
            if field.message_type is None:
                values.extend(self._scalar(field) for _ in range(count))
            elif not field.message_type.GetOptions().map_entry and depth < _DEEPEST:
                for _ in range(min(count, 3)):
                    self.fill(values.add(), depth + 1)
        elif field.message_type is None:
            setattr(message, field.name, self._scalar(field))
        else:
            part = getattr(message, field.name)
            part.SetInParent()
            if depth < _DEEPEST:
                self.fill(part, depth + 1)

    def _scalar(self, field):
        match field.cpp_type:
            case _F.CPPTYPE_BOOL:
                return self.random.random() < 0.5
            case _F.CPPTYPE_DOUBLE | _F.CPPTYPE_FLOAT:
                return self.random.choice(REALS) if self.random.random() < 0.8 else self.random.uniform(-1, 1)
            case _F.CPPTYPE_STRING if field.type == _F.TYPE_BYTES:
                return self.random.randbytes(self.random.choice((0, 1, 4, 12, 200)))
            case _F.CPPTYPE_STRING:
                return self.random.choice(self._names)
            case _F.CPPTYPE_ENUM if self.random.random() < 0.8:
                return self.random.choice(field.enum_type.values).number
            case kind:
                lower, upper = _BOUNDS[kind]
                return min(max(self.random.choice(WHOLES), lower), upper)


def _is_list_of_messages(field):
    return field.message_type is not None and not field.message_type.GetOptions().map_entry
