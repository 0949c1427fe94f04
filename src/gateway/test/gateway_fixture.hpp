// SPDX-License-Identifier: Apache-2.0
#pragma once
// A gateway over a real store in a temporary folder, asked by calling its handler.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/gateway/gateway.hpp"
#include "accel/ipld/car.hpp"
#include "accel/ipld/codec.hpp"

namespace accel::gateway::test {

inline constexpr std::size_t kMiB = 1024 * 1024;

inline Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).fill(bytes);
  return bytes;
}

// Keeps what a streamed body writes.
class CollectingWriter final : public net::BodyWriter {
 public:
  Task<void> write(std::string chunk) override {
    text += chunk;
    ++writes;
    co_return Status{};
  }
  Task<void> send(net::FileSlice slice) override {
    Bytes piece(slice.length);
    const Status read = pread_all(slice.fd->get(), piece, slice.offset);
    if (!read) co_return read;
    text += as_text(piece);
    ++slices;
    co_return Status{};
  }
  std::string text;
  int writes = 0;
  int slices = 0;
};

class GatewayFixture : public testing::Test {
 protected:
  GatewayFixture() {
    std::filesystem::create_directories(folder_);
    blockstore::StoreOptions options;
    options.directory = folder_ / "store";
    auto opened = blockstore::Store::open(options);
    EXPECT_TRUE(opened.has_value()) << opened.error().to_string();
    store_ = std::move(*opened);
    remake();
  }
  ~GatewayFixture() override {
    gateway_.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void remake(GatewayOptions options = {}) {
    gateway_ = std::make_unique<Gateway>(*store_, pool_, metrics_, std::move(options));
  }

  std::filesystem::path write(const std::string& name, ByteView bytes) {
    const auto path = folder_ / "in" / name;
    std::filesystem::create_directories(path.parent_path());
    EXPECT_TRUE(write_file_atomic(path, bytes).has_value());
    return path;
  }

  ipld::Cid add(const std::filesystem::path& path, bool is_private = false) {
    blockstore::AddOptions options;
    options.is_private = is_private;
    const auto added = store_->add(path, options);
    EXPECT_TRUE(added.has_value()) << added.error().to_string();
    return added ? added->cid : ipld::Cid{};
  }

  // A block of any codec.
  ipld::Cid put(ipld::Codec codec, ByteView block) {
    const auto cid = ipld::Cid::v1(codec, ipld::sha2_256(block));
    EXPECT_TRUE(store_->put(cid, block).has_value());
    return cid;
  }

  net::HttpResponse ask(net::HttpRequest request) {
    auto response = sync_wait(io_.executor(), gateway_->handle(std::move(request), {}));
    EXPECT_TRUE(response.has_value());
    return std::move(*response);
  }

  net::HttpResponse get(const std::string& path, const std::string& query = {},
                        net::Headers headers = {}) {
    net::HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.headers = std::move(headers);
    return ask(std::move(request));
  }

  net::HttpResponse get_at(const std::string& host, const std::string& path,
                           net::Headers headers = {}) {
    headers.add("Host", host);
    return get(path, {}, std::move(headers));
  }

  // What the body of an answer that is made while it is sent came to.
  Status stream(const net::HttpResponse& response, CollectingWriter& writer) {
    const auto& body = std::get<net::StreamBody>(response.body);
    return sync_wait(io_.executor(), body.write(writer));
  }

  // The bytes that the server would send.
  std::string body_of(const net::HttpResponse& response) {
    if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
    std::string out;
    if (const auto* slices = std::get_if<std::vector<net::FileSlice>>(&response.body)) {
      for (const net::FileSlice& slice : *slices) {
        Bytes piece(slice.length);
        EXPECT_TRUE(pread_all(slice.fd->get(), piece, slice.offset).has_value());
        out += as_text(piece);
      }
    }
    if (std::holds_alternative<net::StreamBody>(response.body)) {
      CollectingWriter writer;
      const Status sent = stream(response, writer);
      EXPECT_TRUE(sent.has_value()) << sent.error().to_string();
      out = std::move(writer.text);
    }
    return out;
  }

  // CIDs of a CAR in their order, each block verified.
  static std::vector<std::string> cids_of_car(const std::string& car) {
    ipld::CarReader reader;
    reader.feed(as_bytes(car));
    reader.finish();
    std::vector<std::string> cids;
    for (;;) {
      const auto block = reader.next();
      EXPECT_TRUE(block.has_value()) << block.error().to_string();
      if (!block || !*block) return cids;
      EXPECT_TRUE(ipld::verify_car_block(**block).has_value());
      cids.push_back((*block)->cid.to_string());
    }
  }

  static bool is_sent_from_its_place(const net::HttpResponse& response) {
    return std::holds_alternative<std::vector<net::FileSlice>>(response.body);
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("accel-gateway-" + random_hex(system_random(), 8));
  IoThread io_;
  OffloadPool pool_{2};
  Metrics metrics_;
  std::unique_ptr<blockstore::Store> store_;
  std::unique_ptr<Gateway> gateway_;
};

}  // namespace accel::gateway::test
