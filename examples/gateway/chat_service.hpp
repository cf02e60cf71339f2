// examples/gateway/chat_service.hpp: POST /v1/chat/completions, passed on to an upstream, or answered by the echo model.
// What the upstream streams goes to the client as it comes, neither read nor kept: the next piece is asked for when the
// kernel has taken the last one, so a client that does not read holds the upstream back, at the price of one piece. A
// client that leaves ends the request at the upstream, before its first byte as well as later; an upstream that fails in
// the middle breaks the client's stream off.
// Short answers are taken whole first, so that an upstream that fails in one of these is an error that the client can
// read.
#pragma once

#include "caller.hpp"
#include "echo_model.hpp"
#include "openai_chat_answer.hpp"
#include "upstream.hpp"

#include <http/exchange.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/registry.hpp>

namespace gateway {

class chat_options {
public:
    chat_options() noexcept {}
    weir::duration echo_pause{}; // between two tokens that the echo model streams
};

// Threads: any, for every function.
class chat_service : weir::immovable {
public:
    // Without an upstream it is the echo model that answers. `from` outlives the service.
    explicit chat_service(upstream* from = nullptr, chat_options options = {}) : from_{from}, options_{options} {}

    // Cancel: ends the request at the upstream.
    weir::task<> complete(http::exchange& one, caller const& by);

    struct figures {
        weir::counter streams; // answers that were passed on piece by piece
        weir::counter bytes;   // of these
        weir::counter broken;  // of these: the upstream failed in the middle
        weir::counter left;    // requests whose client left before the end
        weir::counter tokens;  // of the echo model
    };
    figures const& counts() const noexcept { return figures_; }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    weir::task<> pass_on(http::exchange& one, caller const& by);
    // `streamed`: the client has asked for a stream.
    weir::task<> hand_back(http::exchange& one, http::client_response answer, bool streamed);
    // Sends `held`, and what still comes.
    weir::task<> relay(http::exchange& one, http::client_response& answer, std::string held);
    weir::task<> echo(http::exchange& one, caller const& by);
    // Returns: whether all was sent.
    weir::task<bool> stream_echo(http::exchange& one, chat_request const& asked, chat_answer_writer const& writer);
    // Counts a client that left; the server may hear of it by a stop, or by a write that fails.
    weir::task<> note_leaving(bool sent);

    upstream* const from_;
    chat_options const options_;
    figures figures_;
};

} // namespace gateway
