// tests/model/seam/weir/base/assert.hpp: a broken contract ends the execution, not the program, in every build.
#pragma once

#include "../../../explorer.hpp"

#include <weir/base/platform.hpp>

#include <cstdio>

#define WEIR_FATAL(what) ::weir::model::explorer::running()->fail(what)
#define WEIR_ASSERT(condition, what) ((condition) ? (void)0 : WEIR_FATAL(what))
