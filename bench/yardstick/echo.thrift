// EchoService answers at once. Its messages are as large as those of a grab, so what it can do in a second is what
// Kitex leaves to everything else.
namespace go echoapi

struct EchoRequest {
  1: required i64 envelope_id
  2: required string padding // as long as a token, which with a grab travels in the header
}

struct EchoResponse {
  1: required string outcome
  2: required i64 amount
  3: required string currency
  4: required i32 share
}

service EchoService {
  EchoResponse Echo(1: EchoRequest req)
}
