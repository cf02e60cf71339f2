// tests/gateway/weir_client/main.cpp: weir's own client as a user of a gateway: requests of every kind, each answer
// looked at to its last byte.
//     gateway_weir_client http://127.0.0.1:8080 KEY REQUESTS
// Prints how many of a kind were answered, as mixed_load.sh wants it; status 1, and what was wrong, if one was not right.
#include <http/client.hpp>

#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/timeout.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr unsigned visitors = 32;
constexpr auto bound = 20s; // what takes longer hangs

void need(bool good, std::string const& what) {
    if (!good) throw std::runtime_error{what};
}

class load {
public:
    load(std::string url, std::string key, unsigned long requests)
        : url_{std::move(url)}, key_{std::move(key)}, requests_{requests} {}

    weir::task<> run() {
        co_await weir::in_scope([](weir::scope& all, load* self) -> weir::task<> {
            for (unsigned n = 0; n < visitors; ++n) all.spawn(&visit, self);
            co_return;
        }, this);
        co_await client_.close();
    }

    void print() const {
        for (std::size_t kind = 0; kind < names.size(); ++kind)
            std::printf("%s %lu\n", names[kind], counts_[kind].load());
        std::printf("connections %llu\n", static_cast<unsigned long long>(client_.counts().connected.value()));
    }

private:
    static constexpr std::array names{"models", "embeddings", "chats", "streams"};

    static weir::task<> visit(load* self) {
        for (;;) {
            auto const number = self->next_.fetch_add(1);
            if (number >= self->requests_) co_return;
            auto const kind = number % names.size();
            if (kind == 0) co_await self->models();
            else if (kind == 1) co_await self->embedding(number);
            else co_await self->chat(number, kind == 3);
            self->counts_[kind].fetch_add(1);
        }
    }

    weir::task<std::string> ask(char const* method, std::string_view path, std::string body) {
        auto one = http::client_request::make(method, url_ + std::string{path});
        need(one && one->add_header("Authorization", "Bearer " + key_), "no good request");
        if (!body.empty()) {
            need(one->add_header("Content-Type", "application/json"), "no good request");
            one->set_body(weir::bytes::copy_of(body));
        }
        auto answer = co_await weir::timeout(client_.send(*one), bound);
        need(answer.has_value(), std::string{path} + ": " + (answer ? "" : answer.error().message()));
        auto const status = answer->status();
        auto whole = co_await weir::timeout(answer->read_all(1 << 20), bound);
        need(whole.has_value(), std::string{path} + ": " + (whole ? "" : whole.error().message()));
        need(status == 200, std::string{path} + ": " + std::to_string(status) + ' ' + *whole);
        co_return std::move(*whole);
    }

    weir::task<> models() {
        auto const got = json::parse(co_await ask("GET", "/v1/models", {}));
        bool found = false;
        for (auto const& each : got.at("data")) found |= each.at("id") == "weir-ngram-384";
        need(found, "the models: " + got.dump());
    }

    weir::task<> embedding(unsigned long number) {
        auto const text = "text " + std::to_string(number % 400) + " of all";
        json const asked{{"model", "weir-ngram-384"}, {"input", text}, {"encoding_format", "base64"}};
        auto const got = json::parse(co_await ask("POST", "/v1/embeddings", asked.dump()));
        auto const vector = got.at("data").at(0).at("embedding").get<std::string>();
        need(vector.size() == 384 * sizeof(float) * 4 / 3, "a vector of another length");
        std::lock_guard const locked{mutex_};
        auto const known = vectors_.try_emplace(text, vector).first;
        need(known->second == vector, "two vectors of " + text);
    }

    weir::task<> chat(unsigned long number, bool streamed) {
        auto const said = "number " + std::to_string(number) + " is said by weir's client";
        json asked{{"model", "weir-echo"}, {"stream", streamed}};
        asked["messages"] = json::array({{{"role", "user"}, {"content", said}}});
        auto const got = co_await ask("POST", "/v1/chat/completions", asked.dump());
        auto const heard = streamed ? text_of_events(got)
                                    : json::parse(got).at("choices").at(0).at("message").at("content").get<std::string>();
        need(heard == said, "another answer to \"" + said + "\": " + got);
    }

    static std::string text_of_events(std::string_view from) {
        std::string text;
        bool done = false;
        while (!from.empty()) {
            auto const end = from.find("\n\n");
            need(end != from.npos && from.starts_with("data: ") && !done, "events: " + std::string{from});
            auto const event = from.substr(6, end - 6);
            from.remove_prefix(end + 2);
            done = event == "[DONE]";
            if (done) continue;
            auto const chunk = json::parse(event);
            if (chunk.at("choices").empty()) continue;
            text += chunk.at("choices").at(0).at("delta").value("content", "");
        }
        need(done, "a stream without its end");
        return text;
    }

    std::string const url_;
    std::string const key_;
    unsigned long const requests_;
    http::client client_;
    std::atomic<unsigned long> next_{0};
    std::array<std::atomic<unsigned long>, names.size()> counts_{};
    std::mutex mutex_;
    std::map<std::string, std::string> vectors_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s URL KEY REQUESTS\n", argv[0]);
        return 2;
    }
    try {
        load all{argv[1], argv[2], std::strtoul(argv[3], nullptr, 10)};
        weir::runtime on;
        on.block_on([](load* its) { return its->run(); }, &all);
        all.print();
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "weir's client: %s\n", error.what());
        return 1;
    }
}
