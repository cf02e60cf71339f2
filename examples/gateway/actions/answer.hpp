// examples/gateway/actions/answer.hpp: what a script gives back, read and checked. A script may give nothing, or
//     { reject: { status, message, code }, request: { name: value }, response: { name: value } }
// of which every part may be missing, the code of a rejection too. What is misspelt or cannot be done is an error with
// its name: a policy that is not understood must not let anybody pass.
#pragma once

#include "js.hpp"
#include "verdict.hpp"

#include <stdexcept>

namespace gateway {

class bad_answer : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Adds the answer to what earlier scripts have said.
// Errors: bad_answer; js_thrown, for the answer's properties may be code.
void add_answer(JSContext* in, JSValueConst given, verdict& so_far);

} // namespace gateway
