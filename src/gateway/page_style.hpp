// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the gateway's pages look. No page loads anything.

#include <string_view>

namespace accel::gateway {

// Only the style of the page itself; a name in it that got past the escaping could do nothing.
inline constexpr std::string_view kPagePolicy = "default-src 'none'; style-src 'unsafe-inline'";

inline constexpr std::string_view kPageStyle = R"(<style>
:root{color-scheme:light dark;--line:#8884;--soft:#888}
body{font:15px/1.5 system-ui,sans-serif;margin:0}
main{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.1rem;font-weight:600;overflow-wrap:anywhere;margin:0 0 .5rem}
p{color:var(--soft);overflow-wrap:anywhere}
a{color:#2563eb;text-decoration:none}a:hover{text-decoration:underline}
@media(prefers-color-scheme:dark){a{color:#8ab4f8}}
table{border-collapse:collapse;width:100%}
td,th{padding:.35rem .5rem;border-top:1px solid var(--line);text-align:left;vertical-align:top}
tr:hover td{background:#8881}
td.name{overflow-wrap:anywhere}td.folder{font-weight:600}td.folder::after{content:"/"}
td.size{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;color:var(--soft)}
.ipfs-hash,code,pre{font:12px/1.6 ui-monospace,monospace}.ipfs-hash{color:var(--soft)}
td.cid{max-width:16rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--line);padding:1rem}
@media(max-width:40rem){td.cid,th.cid{display:none}}
</style>)";

}  // namespace accel::gateway
