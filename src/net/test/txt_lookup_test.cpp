// SPDX-License-Identifier: Apache-2.0
// Names that are never asked for, and a DNS server of this process that answers as it is told.
#include "accel/net/txt_lookup.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>

#include "accel/core/async/io.hpp"

namespace accel::net {
namespace {

TEST(TxtLookup, what_is_no_domain_name_is_never_asked_for) {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a/b"), std::string("a\0b", 3),
        std::string("\xc3\xa4.example"), std::string(254, 'a')}) {
    const auto found = look_up_txt(name);
    ASSERT_FALSE(found.has_value()) << name;
    EXPECT_EQ(found.error().code, Errc::invalid_argument);
  }
}

using Packet = std::vector<unsigned char>;

void put16(Packet& out, std::size_t value) {
  out.push_back(static_cast<unsigned char>(value >> 8U));
  out.push_back(static_cast<unsigned char>(value & 0xffU));
}

// The question with these records behind it; each string has at most 255 bytes.
Packet answer(const Packet& question, const std::vector<std::vector<std::string>>& records) {
  Packet out = question;
  out[2] = 0x81;  // An answer,
  out[3] = 0x80;  // without error.
  out[7] = static_cast<unsigned char>(records.size());
  out[11] = 0;
  out.resize(12);
  for (std::size_t at = 12; at < question.size(); ++at) {
    out.push_back(question[at]);
    if (question[at] != 0) continue;
    out.insert(out.end(), question.begin() + static_cast<std::ptrdiff_t>(at) + 1,
               question.begin() + static_cast<std::ptrdiff_t>(at) + 5);
    break;
  }
  for (const auto& strings : records) {
    put16(out, 0xc00c);  // The name in the question.
    put16(out, 16);      // TXT
    put16(out, 1);       // IN
    put16(out, 0);
    put16(out, 60);
    std::size_t size = 0;
    for (const std::string& text : strings) size += 1 + text.size();
    put16(out, size);
    for (const std::string& text : strings) {
      out.push_back(static_cast<unsigned char>(text.size()));
      out.insert(out.end(), text.begin(), text.end());
    }
  }
  return out;
}

// Answers one question, or as many as come, until it goes.
class LocalDns {
 public:
  using Answer = std::function<Packet(const Packet& question)>;

  explicit LocalDns(Answer with)
      : socket_(io_.executor(),
                boost::asio::ip::udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        answer_(std::move(with)) {
    receive();
  }
  ~LocalDns() { io_.stop(); }
  LocalDns(const LocalDns&) = delete;
  LocalDns& operator=(const LocalDns&) = delete;

  DnsServer here() const { return {"127.0.0.1", socket_.local_endpoint().port()}; }

 private:
  void receive() {
    buffer_.resize(512);
    socket_.async_receive_from(boost::asio::buffer(buffer_), from_,
                               [this](boost::system::error_code ec, std::size_t size) {
                                 if (ec) return;
                                 buffer_.resize(size);
                                 const Packet reply = answer_(buffer_);
                                 socket_.send_to(boost::asio::buffer(reply), from_, 0, ec);
                                 receive();
                               });
  }

  IoThread io_;
  boost::asio::ip::udp::socket socket_;
  Answer answer_;
  Packet buffer_;
  boost::asio::ip::udp::endpoint from_;
};

TEST(TxtLookup, reads_the_records_that_a_server_has) {
  const LocalDns dns([](const Packet& question) {
    return answer(question, {{"dnsaddr=/ip4/1.2.3.4/tcp/4001"}, {"one ", "and ", "two"}, {""}});
  });
  const auto found = look_up_txt("_dnsaddr.x.example", dns.here());
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(*found, (std::vector<std::string>{"dnsaddr=/ip4/1.2.3.4/tcp/4001", "one and two", ""}));
}

TEST(TxtLookup, says_that_a_name_has_no_records) {
  const LocalDns dns([](const Packet& question) { return answer(question, {}); });
  EXPECT_EQ(look_up_txt("x.example", dns.here()).error().code, Errc::not_found);
  const LocalDns nobody([](const Packet& question) {
    Packet out = answer(question, {});
    out[3] = 0x83;  // NXDOMAIN
    return out;
  });
  EXPECT_EQ(look_up_txt("x.example", nobody.here()).error().code, Errc::not_found);
}

TEST(TxtLookup, survives_answers_that_lie_about_their_lengths) {
  for (int kind = 0; kind < 4; ++kind) {
    const LocalDns dns([kind](const Packet& question) {
      Packet out = answer(question, {{"dnsaddr=/ip4/1.2.3.4/tcp/1"}});
      if (kind == 0) out[out.size() - 27] = 0xff;  // A string longer than its record.
      if (kind == 1) out[7] = 0xff;                // More records than there are.
      if (kind == 2) out.resize(out.size() - 10);  // Cut.
      if (kind == 3) out[out.size() - 29] = 0xff;  // A record longer than the packet.
      return out;
    });
    const auto found = look_up_txt("x.example", dns.here());
    if (found) {
      EXPECT_LE(found->size(), kMaxTxtRecords);
    }
  }
}

TEST(TxtLookup, keeps_no_more_records_than_its_limit) {
  const LocalDns dns([](const Packet& question) {
    return answer(question, std::vector<std::vector<std::string>>(34, {"a"}));
  });
  EXPECT_EQ(look_up_txt("x.example", dns.here()).value().size(), kMaxTxtRecords);
}

TEST(TxtLookup, asks_no_server_that_has_no_address) {
  EXPECT_EQ(look_up_txt("x.example", DnsServer{"nonsense", 53}).error().code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::net
