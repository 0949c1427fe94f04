// SPDX-License-Identifier: Apache-2.0
#pragma once
// A family is what stands between a request and a session for one task: it makes tensors of a text,
// an image or a recording, and words of what comes out. Used by node (run, models families). A new
// family is one file and one row of the table in families.cpp.
//
// Three steps, so that trials over many sessions decode an input once: open() reads the model's
// small files (immutable, thread-safe), prepare() makes a request ready, Workload::run() is what
// is measured. Threads: all const calls from many threads. Ownership: a workload refers to its
// family, which must outlive it.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/inference/batching.hpp"
#include "accel/inference/session.hpp"
#include "accel/models/manifest.hpp"
#include "accel/models/transcript.hpp"

namespace accel::models {

constexpr std::size_t kMaxMediaBytes = 20U << 20U;  // Of an image, a recording or a file.
constexpr std::size_t kMaxFamilyTexts = 1024;
constexpr std::size_t kMaxTopK = 1000;
constexpr std::size_t kDefaultTopK = 5;

// What a request brings. A family refuses what it does not take.
struct FamilyInput {
  std::vector<std::string> texts = {};
  std::string query = {};       // The question, or what documents are ranked by.
  std::string media_kind = {};  // "image", "audio" or "file", where there is media.
  Bytes media = {};             // The file as it is.
  std::size_t top_k = kDefaultTopK;
  std::optional<std::uint64_t> seed = {};         // Of models that draw; 0 where none is given.
  std::map<std::string, double> parameters = {};  // What a model takes besides, by its name.
  std::string language = {};  // Of a recording ("en"); empty: the model finds out.
};

struct Point {
  double x = 0, y = 0;  // Pixels of the image as it was given.
};

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;  // Pixels of the image as it was given.
};

// One thing that was found. What does not apply is left out.
struct Finding {
  double score = 0;  // 0 to 1 where the model gives probabilities.
  std::string label = {};
  std::string text = {};                  // An answer, a word, a filled-in text, a line.
  std::optional<std::size_t> index = {};  // Of a document that was given.
  std::optional<std::array<std::size_t, 2>> bytes = {};  // [begin, end) of the text, UTF-8.
  std::optional<std::array<double, 2>> seconds = {};     // [begin, end) of the recording.
  std::optional<Box> box = {};
  std::vector<Point> polygon = {};                            // Clockwise from the upper left.
  std::vector<std::pair<std::string, Point>> keypoints = {};  // "left_eye", …
};

// What a model makes: an image or a recording.
struct MadeMedia {
  std::string type;  // "image/png", "audio/wav".
  Bytes bytes;       // The file.
};

struct FamilyResult {
  std::vector<std::vector<Finding>> rows;  // One for each input, best first or in order.
  // The engine's own float32, flat, a list for each output: for comparing engines.
  std::vector<std::vector<float>> numbers;
  std::size_t tokens = 0;     // Of all texts; 0 where there are none.
  std::size_t truncated = 0;  // Texts that were cut.
  std::optional<MadeMedia> media = {};
  std::optional<Transcript> transcript = {};  // Of a recording; rows are empty then.
};

struct Sample;

// A request made ready, to run on any session of the model, again and again.
class Workload {
 public:
  virtual ~Workload() = default;
  // Errors: unsupported (inputs or outputs that the family does not know, named), corrupt (labels
  // that do not fit the outputs), internal (a result that is not finite), and Session::run's.
  virtual Result<FamilyResult> run(inference::Session& session,
                                   const inference::RunOptions& options) const = 0;
  // A part of a long request that says enough of an engine's speed: trials run it on every
  // candidate. null: the request is short, all of it is tried.
  virtual std::unique_ptr<Sample> sample() const;
  // How large it is: what measurements are remembered under.
  virtual std::uint64_t rows() const { return 1; }
  virtual std::uint64_t length() const { return 1; }
};

struct Sample {
  std::unique_ptr<Workload> workload;
  double calls = 1;  // Of it, that the whole request amounts to.
};

class Family {
 public:
  virtual ~Family() = default;
  // Errors: invalid_argument (something that the family does not take, or lacks), corrupt and
  // unsupported (what the file is, and what is wrong), resource_exhausted (a limit, named).
  virtual Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const = 0;
  // How a session that batches joins the rows of several requests; none: they are not joined.
  virtual std::optional<inference::RowRules> row_rules(const inference::Session& session) const;
};

struct FamilyInfo {
  std::string_view task;     // As Hugging Face calls it, where it has a name there.
  std::string_view takes;    // "image", "audio", "file", "text", "image and texts" or "seed".
  std::string_view returns;  // In words, for people.
  // Errors: as read_manifest() for the small files that it needs. null: the task has a way of its
  // own (TextPipeline, TextGenerator).
  Result<std::shared_ptr<const Family>> (*open)(const ModelManifest& manifest,
                                                const Fetcher& fetcher);
  // A request is few runs of one graph whose outputs are small: worth keeping by their inputs.
  bool one_pass = false;
};

std::span<const FamilyInfo> families();                // In the order in which they are shown.
const FamilyInfo* find_family(std::string_view task);  // null: there is none.

// A model that a family was tested with, for people who want to know what to believe.
struct FamilyEvidence {
  std::string_view task;
  std::string_view model;      // Its package, or what was made for the test.
  std::string_view cid;        // As `add` names the folder that tools/deps installs; empty: none.
  std::string_view licence;    // Of the weights.
  std::string_view engine;     // That was compared.
  std::string_view reference;  // Whose outputs it was compared with.
  std::string_view agreement;  // What a test asserts.
};
std::span<const FamilyEvidence> family_evidence();

}  // namespace accel::models
