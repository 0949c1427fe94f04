// SPDX-License-Identifier: Apache-2.0
#pragma once
// The families, each of its own file; families.cpp makes the table of them. Private to models.

#include "accel/models/family.hpp"

namespace accel::models {

using OpenedFamily = Result<std::shared_ptr<const Family>>;

OpenedFamily open_image_classification(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_image_generation(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_image_segmentation(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_object_detection(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_face_detection();  // Of open_object_detection: it needs no file.
OpenedFamily open_voice_activity(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_speech_recognition(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_text_to_speech(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_file_classification(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_text_classification(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_text_ranking(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_token_classification(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_fill_mask(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_ocr(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_question_answering(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_text_to_text(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_translation(const ModelManifest& manifest, const Fetcher& fetcher);
OpenedFamily open_summarization(const ModelManifest& manifest, const Fetcher& fetcher);

// What every family checks first: the request has what `info.takes` says, and nothing else.
// Errors: invalid_argument, resource_exhausted.
Status expect_media(const FamilyInput& input, std::string_view kind);
Status expect_texts(const FamilyInput& input, bool with_query);
Status expect_nothing(const FamilyInput& input);  // But a seed and parameters.
// Errors: invalid_argument (a seed, parameters or a language, of a family without a use for them).
Status expect_no_draw(const FamilyInput& input);
Status expect_no_seed(const FamilyInput& input);  // Also part of expect_no_draw().

}  // namespace accel::models
