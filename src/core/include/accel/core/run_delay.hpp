// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long a thread waited for a CPU while it could have run: the time that other threads took from
// it. What is left of a measured span is the thread's own.

#include "accel/core/clock.hpp"

namespace accel {

// Of the calling thread since it began, by the kernel (schedstat; about 1 us a call). Zero where
// the kernel doesn't tell.
Duration thread_run_delay();

}  // namespace accel
