from serl.learner.v1 import spec_pb2 as _spec_pb2
from serl.learner.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_WARM_UP: _ClassVar[Phase]
    PHASE_TRAINING: _ClassVar[Phase]
    PHASE_PAUSED: _ClassVar[Phase]
    PHASE_FINISHED: _ClassVar[Phase]

class RowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROW_KIND_UNSPECIFIED: _ClassVar[RowKind]
    ROW_KIND_STEP: _ClassVar[RowKind]
    ROW_KIND_TERMINATED: _ClassVar[RowKind]
    ROW_KIND_TRUNCATED: _ClassVar[RowKind]
    ROW_KIND_FINAL: _ClassVar[RowKind]
PHASE_UNSPECIFIED: Phase
PHASE_WARM_UP: Phase
PHASE_TRAINING: Phase
PHASE_PAUSED: Phase
PHASE_FINISHED: Phase
ROW_KIND_UNSPECIFIED: RowKind
ROW_KIND_STEP: RowKind
ROW_KIND_TERMINATED: RowKind
ROW_KIND_TRUNCATED: RowKind
ROW_KIND_FINAL: RowKind

class JoinRequest(_message.Message):
    __slots__ = ("actor_id", "spec", "config", "package_version")
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    actor_id: str
    spec: _spec_pb2.EnvironmentSpec
    config: _containers.RepeatedCompositeFieldContainer[_spec_pb2.ConfigEntry]
    package_version: str
    def __init__(self, actor_id: _Optional[str] = ..., spec: _Optional[_Union[_spec_pb2.EnvironmentSpec, _Mapping]] = ..., config: _Optional[_Iterable[_Union[_spec_pb2.ConfigEntry, _Mapping]]] = ..., package_version: _Optional[str] = ...) -> None: ...

class JoinResponse(_message.Message):
    __slots__ = ("run_id", "acknowledged_sequence_number", "policy_layout", "phase", "granted_sequence_number")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    POLICY_LAYOUT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    GRANTED_SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    acknowledged_sequence_number: int
    policy_layout: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    phase: Phase
    granted_sequence_number: int
    def __init__(self, run_id: _Optional[str] = ..., acknowledged_sequence_number: _Optional[int] = ..., policy_layout: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., phase: _Optional[_Union[Phase, str]] = ..., granted_sequence_number: _Optional[int] = ...) -> None: ...

class StreamStepsRequest(_message.Message):
    __slots__ = ("actor_id", "first_sequence_number", "batch")
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    actor_id: str
    first_sequence_number: int
    batch: StepBatch
    def __init__(self, actor_id: _Optional[str] = ..., first_sequence_number: _Optional[int] = ..., batch: _Optional[_Union[StepBatch, _Mapping]] = ...) -> None: ...

class StepBatch(_message.Message):
    __slots__ = ("observations", "actions", "rewards", "episode_ids", "step_indices", "row_kinds", "interventions", "grasp_penalties")
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    REWARDS_FIELD_NUMBER: _ClassVar[int]
    EPISODE_IDS_FIELD_NUMBER: _ClassVar[int]
    STEP_INDICES_FIELD_NUMBER: _ClassVar[int]
    ROW_KINDS_FIELD_NUMBER: _ClassVar[int]
    INTERVENTIONS_FIELD_NUMBER: _ClassVar[int]
    GRASP_PENALTIES_FIELD_NUMBER: _ClassVar[int]
    observations: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    actions: _tensor_pb2.Tensor
    rewards: _tensor_pb2.Tensor
    episode_ids: _tensor_pb2.Tensor
    step_indices: _tensor_pb2.Tensor
    row_kinds: _tensor_pb2.Tensor
    interventions: _tensor_pb2.Tensor
    grasp_penalties: _tensor_pb2.Tensor
    def __init__(self, observations: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., actions: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., rewards: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., episode_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., step_indices: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., row_kinds: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., interventions: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., grasp_penalties: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class StreamStepsResponse(_message.Message):
    __slots__ = ("acknowledged_sequence_number", "granted_sequence_number", "phase", "environment_step_count")
    ACKNOWLEDGED_SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    GRANTED_SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    acknowledged_sequence_number: int
    granted_sequence_number: int
    phase: Phase
    environment_step_count: int
    def __init__(self, acknowledged_sequence_number: _Optional[int] = ..., granted_sequence_number: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ..., environment_step_count: _Optional[int] = ...) -> None: ...

class WatchPolicyRequest(_message.Message):
    __slots__ = ("actor_id", "known_version")
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_VERSION_FIELD_NUMBER: _ClassVar[int]
    actor_id: str
    known_version: int
    def __init__(self, actor_id: _Optional[str] = ..., known_version: _Optional[int] = ...) -> None: ...

class WatchPolicyResponse(_message.Message):
    __slots__ = ("version", "offset", "total_bytes", "data", "environment_step_count", "phase")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    version: int
    offset: int
    total_bytes: int
    data: bytes
    environment_step_count: int
    phase: Phase
    def __init__(self, version: _Optional[int] = ..., offset: _Optional[int] = ..., total_bytes: _Optional[int] = ..., data: _Optional[bytes] = ..., environment_step_count: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ...) -> None: ...

class ReportEpisodeRequest(_message.Message):
    __slots__ = ("actor_id", "episode")
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    actor_id: str
    episode: EpisodeSummary
    def __init__(self, actor_id: _Optional[str] = ..., episode: _Optional[_Union[EpisodeSummary, _Mapping]] = ...) -> None: ...

class ReportEpisodeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EpisodeSummary(_message.Message):
    __slots__ = ("episode_id", "step_count", "episode_return", "success", "intervention_ratio", "policy_version", "steps_per_second")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    EPISODE_RETURN_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_RATIO_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    STEPS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    episode_id: int
    step_count: int
    episode_return: float
    success: bool
    intervention_ratio: float
    policy_version: int
    steps_per_second: float
    def __init__(self, episode_id: _Optional[int] = ..., step_count: _Optional[int] = ..., episode_return: _Optional[float] = ..., success: _Optional[bool] = ..., intervention_ratio: _Optional[float] = ..., policy_version: _Optional[int] = ..., steps_per_second: _Optional[float] = ...) -> None: ...

class ReportEvaluationRequest(_message.Message):
    __slots__ = ("actor_id", "evaluation")
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    actor_id: str
    evaluation: EvaluationSummary
    def __init__(self, actor_id: _Optional[str] = ..., evaluation: _Optional[_Union[EvaluationSummary, _Mapping]] = ...) -> None: ...

class ReportEvaluationResponse(_message.Message):
    __slots__ = ("phase",)
    PHASE_FIELD_NUMBER: _ClassVar[int]
    phase: Phase
    def __init__(self, phase: _Optional[_Union[Phase, str]] = ...) -> None: ...

class EvaluationSummary(_message.Message):
    __slots__ = ("policy_version", "episode_count", "success_count", "mean_return", "mean_step_count")
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    EPISODE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_RETURN_FIELD_NUMBER: _ClassVar[int]
    MEAN_STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    episode_count: int
    success_count: int
    mean_return: float
    mean_step_count: float
    def __init__(self, policy_version: _Optional[int] = ..., episode_count: _Optional[int] = ..., success_count: _Optional[int] = ..., mean_return: _Optional[float] = ..., mean_step_count: _Optional[float] = ...) -> None: ...

class GetProgressRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetProgressResponse(_message.Message):
    __slots__ = ("run_id", "phase", "environment_step_count", "critic_update_count", "policy_version", "replay_transition_count", "demonstration_transition_count", "live_actor_count", "evaluation_success_ratio", "elapsed_s")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    CRITIC_UPDATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLAY_TRANSITION_COUNT_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATION_TRANSITION_COUNT_FIELD_NUMBER: _ClassVar[int]
    LIVE_ACTOR_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_SUCCESS_RATIO_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    phase: Phase
    environment_step_count: int
    critic_update_count: int
    policy_version: int
    replay_transition_count: int
    demonstration_transition_count: int
    live_actor_count: int
    evaluation_success_ratio: float
    elapsed_s: float
    def __init__(self, run_id: _Optional[str] = ..., phase: _Optional[_Union[Phase, str]] = ..., environment_step_count: _Optional[int] = ..., critic_update_count: _Optional[int] = ..., policy_version: _Optional[int] = ..., replay_transition_count: _Optional[int] = ..., demonstration_transition_count: _Optional[int] = ..., live_actor_count: _Optional[int] = ..., evaluation_success_ratio: _Optional[float] = ..., elapsed_s: _Optional[float] = ...) -> None: ...
