// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signs a request without a body so that S3, and what speaks its protocol, knows who asks. The
// secret itself never leaves: a key made of it and of the day is what signs. Used by hub::Session.
// Pure. Spec: AWS Signature Version 4, "Create a signed AWS API request", with S3's rules (the path
// is encoded once, x-amz-content-sha256 is sent).

#include <string>

#include "accel/core/clock.hpp"
#include "accel/net/http_client.hpp"

namespace accel::hub {

struct AwsKeys {
  std::string id;
  std::string secret;
  std::string session_token;  // Of keys that were lent; else empty.
};

struct AwsScope {
  std::string region;
  std::string service = "s3";
};

// Adds Authorization and the X-Amz-… headers. Every header that the call has is signed: add none
// later. A signature of an earlier time is replaced.
void sign_aws_request(net::HttpCall& call, const net::Url& url, const AwsKeys& keys,
                      const AwsScope& scope, WallTime now);

}  // namespace accel::hub
