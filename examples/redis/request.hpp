// examples/redis/request.hpp: a command with its arguments, as it goes over the wire.
//     redis::request const one{"SET", key, large, "PX", 5000};
// Arguments are texts, numbers, weir::bytes, and spans of strings, each string of which is an argument.
#pragma once

#include <weir/memory/buffer.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/memory/bytes_chain.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace redis {

class request {
public:
    // Cost: an allocation; large bytes are shared and not copied.
    template <class... Args>
    explicit request(std::string_view verb, Args const&... args) {
        encoder into{1 + (std::size_t{0} + ... + count_of(args))};
        into.add(verb);
        (into.add(args), ...);
        wire_ = std::move(into).take();
    }

    // The same, which may be executed twice: it is sent again, once, where the connection was lost under it.
    request repeatable() && noexcept {
        may_repeat_ = true;
        return std::move(*this);
    }
    bool may_repeat() const noexcept { return may_repeat_; }

    weir::bytes_chain const& wire() const noexcept { return wire_; }
    std::size_t size() const noexcept { return wire_.size(); }

private:
    class encoder {
    public:
        explicit encoder(std::size_t count) { announce('*', count); }

        void add(std::string_view text) {
            announce('$', text.size());
            now_.append(text);
            now_.append(std::string_view{"\r\n"});
        }
        void add(weir::bytes const& content) {
            if (content.size() < worth_sharing) return add(content.view());
            announce('$', content.size());
            gathered_.push_back(now_.split(now_.size()));
            gathered_.push_back(content);
            now_.append(std::string_view{"\r\n"});
        }
        void add(std::span<std::string const> each) {
            for (auto const& one : each) add(std::string_view{one});
        }
        template <class Number>
            requires(std::integral<Number> || std::floating_point<Number>)
        void add(Number one) {
            static_assert(!std::is_same_v<Number, bool> && !std::is_same_v<Number, char>, "Redis has no such argument");
            char digits[64];
            auto const end = std::to_chars(digits, digits + sizeof digits, one);
            add(std::string_view{digits, end.ptr});
        }
        weir::bytes_chain take() && {
            gathered_.push_back(now_.freeze());
            return std::move(gathered_);
        }

    private:
        static constexpr std::size_t worth_sharing = 1024; // bytes

        void announce(char type, std::size_t number) {
            char line[24];
            line[0] = type;
            char* end = std::to_chars(line + 1, line + sizeof line - 2, number).ptr;
            *end++ = '\r';
            *end++ = '\n';
            now_.append(std::string_view{line, end});
        }

        weir::bytes_chain gathered_;
        weir::buffer now_;
    };

    static std::size_t count_of(std::span<std::string const> each) noexcept { return each.size(); }
    template <class Arg>
        requires(!std::is_convertible_v<Arg const&, std::span<std::string const>>)
    static std::size_t count_of(Arg const&) noexcept {
        return 1;
    }

    weir::bytes_chain wire_;
    bool may_repeat_ = false;
};

} // namespace redis
