// SPDX-License-Identifier: Apache-2.0
// The links of this node as text, as DOT (Graphviz) and as SVG.
#include <cmath>
#include <numbers>

#include "accel/core/bytes.hpp"
#include "accel/core/markup.hpp"
#include "accel/core/result.hpp"
#include "accel/exchange/network_analytics.hpp"

namespace accel::exchange {
namespace {

constexpr double kSize = 900;
constexpr double kRing = 330;

std::string short_id(const std::string& id) {
  return id.size() <= 12 ? id : id.substr(0, 4) + "…" + id.substr(id.size() - 6);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string figures_of(const NetworkLink& link) {
  std::string text = link.round_trip_ms ? fmt::format("{:.1f} ms", *link.round_trip_ms)
                                        : std::string("round trip not measured");
  if (link.figures.rate_samples == 0) return text + ", no transfer measured";
  return text + fmt::format(", {}/s ({} samples)",
                            human_bytes(static_cast<std::uint64_t>(link.figures.bytes_per_second)),
                            link.figures.rate_samples);
}

}  // namespace

std::string topology_text(const NetworkFigures& figures) {
  std::string text = fmt::format("{} (this node), {} peers\n", figures.id, figures.links.size());
  for (std::size_t i = 0; i < figures.links.size(); ++i) {
    const NetworkLink& link = figures.links[i];
    text += fmt::format("{} {} {} {}, {}\n", i + 1 == figures.links.size() ? "└─" : "├─", link.peer,
                        link.outbound ? "dialed" : "came from", link.address, figures_of(link));
  }
  return text;
}

std::string topology_dot(const NetworkFigures& figures) {
  std::string text = "graph network {\n  layout=circo;\n";
  text += fmt::format("  {} [shape=box];\n", quoted(figures.id));
  for (const NetworkLink& link : figures.links) {
    text += fmt::format("  {} -- {} [label={}];\n", quoted(figures.id), quoted(link.peer),
                        quoted(figures_of(link)));
  }
  return text + "}\n";
}

std::string topology_svg(const NetworkFigures& figures) {
  const double middle = kSize / 2;
  std::string lines;
  std::string nodes;
  for (std::size_t i = 0; i < figures.links.size(); ++i) {
    const NetworkLink& link = figures.links[i];
    const double angle =
        2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(figures.links.size());
    const double x = middle + kRing * std::cos(angle);
    const double y = middle + kRing * std::sin(angle);
    lines += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", middle,
        middle, x, y, link.figures.rate_samples > 0 ? "#2a7" : "#999");
    nodes += fmt::format(
        "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"8\" fill=\"#36c\"><title>{2}</title></circle>\n"
        "<text x=\"{0:.1f}\" y=\"{3:.1f}\">{4}</text>\n"
        "<text x=\"{0:.1f}\" y=\"{5:.1f}\">{6}</text>\n",
        x, y, escape_markup(link.peer + " " + link.address), y + 22,
        escape_markup(short_id(link.peer)), y + 36, escape_markup(figures_of(link)));
  }
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {0}\" "
             "font-family=\"sans-serif\" font-size=\"11\" text-anchor=\"middle\">\n",
             kSize) +
         lines + nodes +
         fmt::format(
             "<circle cx=\"{0}\" cy=\"{0}\" r=\"12\" fill=\"#c33\"/>\n"
             "<text x=\"{0}\" y=\"{1}\">{2} (this node)</text>\n</svg>\n",
             middle, middle + 28, escape_markup(short_id(figures.id)));
}

}  // namespace accel::exchange
