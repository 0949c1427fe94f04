// SPDX-License-Identifier: Apache-2.0
// A library that loads and is no plug-in of ONNX Runtime: it has none of the entry points.
extern "C" int is_no_plugin() { return 1; }
