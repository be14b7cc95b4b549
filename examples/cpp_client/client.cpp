// Talks to a robot daemon from C++: prints what the cell is and ten states, then makes one control step.
//
// Usage: client HOST:PORT | unix:/PATH

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "serl/robot/v1/robot_service.grpc.pb.h"

namespace robot = serl::robot::v1;
using Stub = robot::RobotService::StubInterface;

namespace {

constexpr auto kTimeout = std::chrono::seconds(10);

// Ends the program with the one sentence that the daemon gave for its refusal.
void Require(const grpc::Status& status, const char* call) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s failed (code %d): %s\n", call, status.error_code(), status.error_message().c_str());
  std::exit(EXIT_FAILURE);
}

void PrintInfo(Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  robot::GetInfoResponse info;
  Require(stub.GetInfo(&context, {}, &info), "GetInfo");
  std::printf("cell %s: %s, %s, daemon %s\n", info.cell_name().c_str(), info.arm().model().c_str(),
              robot::Backend_Name(info.backend()).c_str(), info.daemon_version().c_str());
}

void PrintStates(Stub& stub, int count) {
  grpc::ClientContext context;
  robot::StreamStateRequest request;
  request.set_rate_hz(50.0);
  auto stream = stub.StreamState(&context, request);
  robot::StreamStateResponse response;
  for (int number = 1; number <= count; ++number) {
    if (!stream->Read(&response)) return Require(stream->Finish(), "StreamState");
    const auto& tcp = response.state().tcp_pose().position();
    std::printf("state %d: tcp %.4f %.4f %.4f m\n", number, tcp.x(), tcp.y(), tcp.z());
  }
  context.TryCancel();  // A stream of states ends when its reader goes.
}

// Sends one request of a control session and waits for its answer.
robot::ControlResponse Exchange(grpc::ClientReaderWriterInterface<robot::ControlRequest, robot::ControlResponse>& stream,
                                const robot::ControlRequest& request) {
  robot::ControlResponse response;
  if (!stream.Write(request) || !stream.Read(&response)) Require(stream.Finish(), "Control");
  return response;
}

void LiftByOneCentimetre(Stub& stub) {
  grpc::ClientContext context;
  auto stream = stub.Control(&context);  // The stream is the session: the arm is ours while it is open.
  robot::ControlRequest open;
  open.set_sequence_number(1);
  open.mutable_open()->set_client_name("cpp_client");
  const auto opened = Exchange(*stream, open).opened();

  robot::ControlRequest step;
  step.set_sequence_number(2);
  auto* target = step.mutable_step()->mutable_tcp_pose();
  *target = opened.observation().state().tcp_pose();
  target->mutable_position()->set_z(target->position().z() + 0.01);
  step.mutable_step()->mutable_period()->set_nanos(100'000'000);  // The answer comes after these 0.1 s.
  const auto stepped = Exchange(*stream, step).stepped();
  std::printf("step: asked for z %.4f m, applied %.4f m, now at %.4f m, %d clips\n", target->position().z(),
              stepped.applied_target().tcp_pose().position().z(),
              stepped.observation().state().tcp_pose().position().z(), stepped.clips_size());

  stream->WritesDone();  // The arm holds and is free for others.
  Require(stream->Finish(), "Control");
}

}  // namespace

int main(int count, char** arguments) {
  const std::string address = count > 1 ? arguments[1] : "127.0.0.1:50051";
  const auto stub = robot::RobotService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  PrintInfo(*stub);
  PrintStates(*stub, 10);
  LiftByOneCentimetre(*stub);
}
