// tests/gateway/log.cpp: lines that are JSON whatever is in them, a queue that never waits, and losses that are told.
#include <gateway/log.hpp>

#include "support/watchdog.hpp"

#include <weir/metrics/registry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_literals;
using gateway::log_level;
using gateway::log_line;
using nlohmann::json;

namespace {

constexpr std::chrono::system_clock::time_point some_time{1'700'000'000'123'456us};

// A folder with the log in it.
class folder {
public:
    folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(std::string const& name = "log") const { return path_ + '/' + name; }
    gateway::log_options options() const {
        gateway::log_options all;
        all.file = file();
        return all;
    }

private:
    weir::test::watchdog const watched_{60};
    std::string path_ = "/tmp/weir-log-XXXXXX";
};

std::vector<json> lines_of(std::string const& path) {
    std::vector<json> all;
    std::ifstream from{path};
    for (std::string line; std::getline(from, line);) all.push_back(json::parse(line));
    return all;
}

// What a line says of a text, having checked that the line is one and is printable.
std::string told(std::string_view text) {
    log_line line{some_time, log_level::info, "x"};
    line.add("text", text);
    auto const written = line.take();
    CHECK(written.find('\n') == written.size() - 1);
    for (char const c : written.substr(0, written.size() - 1)) CHECK((c >= ' ' && c <= '~'));
    return json::parse(written)["text"];
}

} // namespace

TEST_CASE("a line has its time, level and event first, and its numbers as numbers") {
    log_line line{some_time, log_level::warning, "something"};
    line.add("text", "a \"word\" and a \\");
    line.add("number", std::uint64_t{18446744073709551615u});
    line.add("seconds", weir::duration{1'002'003'999ns});
    line.add("negative", weir::duration{-5ns});
    CHECK(line.take() == R"({"time":"2023-11-14T22:13:20.123456Z","level":"warning","event":"something",)"
                         R"("text":"a \"word\" and a \\","number":18446744073709551615,"seconds":1.002003,)"
                         R"("negative":0.000000})" "\n");
    log_line old{std::chrono::system_clock::time_point{-1us}, log_level::debug, "before"};
    CHECK(old.take() == R"({"time":"1969-12-31T23:59:59.999999Z","level":"debug","event":"before"})" "\n");
}

TEST_CASE("levels are known by their words and by no others") {
    for (auto const each : {log_level::debug, log_level::info, log_level::warning, log_level::error})
        CHECK(gateway::parse_log_level(to_string(each)) == each);
    for (auto const* const bad : {"", "Info", "info ", "warn"}) CHECK_FALSE(gateway::parse_log_level(bad).has_value());
}

TEST_CASE("what a terminal would obey, what ends a line and what is no UTF-8 are told without doing harm") {
    CHECK(told("a\nb\r\n\t") == "a\nb\r\n\t");
    CHECK(told("\x1b[31mred\x7f") == "\x1b[31mred\x7f");
    CHECK(told("\u0085\u009b2J \u2028") == "\u0085\u009b2J \u2028");
    CHECK(told("gr\u00fc\u00df \U0001f30a") == "gr\u00fc\u00df \U0001f30a");
    CHECK(told("zero \0 inside"s) == "zero \0 inside"s);
    CHECK(told("bad \xff\xc3") == "bad \ufffd\ufffd");
    CHECK(told("\xed\xa0\x80").find('\xed') == std::string::npos); // half of a pair
}

TEST_CASE("any bytes make one line that is JSON, and those that are text come back") {
    std::mt19937 random{7};
    std::vector<std::string> const seeds = {R"({"a":"b\n"})", "gr\u00fc\u00df\u2028\U0001f30a", std::string(40, '"'),
                                            "\x1b]0;title\a", std::string(3, '\0'), "\\u0000\\"};
    for (int round = 0; round < 20'000; ++round) {
        auto text = seeds[random() % seeds.size()] + seeds[random() % seeds.size()];
        for (auto changes = random() % 4; changes > 0; --changes)
            text[random() % text.size()] = static_cast<char>(random());
        text.resize(random() % (text.size() + 1));
        auto const back = told(text);
        if (weir::prometheus::is_utf8(text)) CHECK(back == text);
        else CHECK(back.find("\ufffd") != std::string::npos);
    }
}

TEST_CASE("a long field is cut, and not in the middle of a character") {
    auto const most = log_line::most_text;
    CHECK(told(std::string(most, 'a')).size() == most);
    CHECK(told(std::string(most + 1, 'a')).size() == most);
    for (std::size_t lead = 0; lead < 4; ++lead) {
        std::string text(lead, 'a');
        while (text.size() < 2 * most) text += "\U0001f30a";
        CHECK(told(text) == text.substr(0, most - (most - lead) % 4));
    }
}

TEST_CASE("a request is one line with what is known of it, and an error from 500 on") {
    folder const in;
    {
        gateway::log log{in.options()};
        gateway::request_entry one;
        one.id = "id-1";
        one.key_name = "team \"blue\"";
        one.peer = "127.0.0.1:4";
        one.method = "POST";
        one.path = "/v1/embeddings";
        one.route = "/v1/embeddings";
        one.sent = 12;
        one.received = 34;
        one.took = 1500us;
        log.request(one);
        one = {};
        one.status = 503;
        one.error = "overloaded";
        log.request(one);
    }
    auto lines = lines_of(in.file());
    REQUIRE(lines.size() == 2);
    lines[0].erase("time");
    CHECK(lines[0] == json::parse(R"({"level":"info","event":"request","id":"id-1","key":"team \"blue\"",
        "peer":"127.0.0.1:4","method":"POST","path":"/v1/embeddings","route":"/v1/embeddings","status":200,
        "seconds":0.0015,"received":34,"sent":12})"));
    lines[1].erase("time");
    CHECK(lines[1] == json::parse(R"({"level":"error","event":"request","status":503,"error":"overloaded",
        "seconds":0.0,"received":0,"sent":0})"));
}

TEST_CASE("what is below the level is not written, and is no loss") {
    folder const in;
    auto options = in.options();
    options.least = log_level::warning;
    gateway::log log{options};
    log.say(log_level::info, "no");
    log.request({});
    log.say(log_level::warning, "yes", {{"a", "b"}});
    log.close();
    auto const lines = lines_of(in.file());
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["event"] == "yes");
    CHECK(lines[0]["a"] == "b");
    CHECK(log.figures().written == 1);
    CHECK(log.figures().refused == 0);
}

TEST_CASE("every line of many threads is written in order or counted as lost, and the log tells how many were") {
    folder const in;
    auto options = in.options();
    options.most_waiting = 64; // fills up
    gateway::log log{options};
    constexpr int threads = 4, each = 5000;
    std::vector<std::thread> all;
    for (int n = 0; n < threads; ++n)
        all.emplace_back([&log, n] {
            for (int i = 0; i < each; ++i)
                log.say(log_level::info, "line", {{"of", std::to_string(n)}, {"n", std::to_string(i)}});
        });
    for (auto& thread : all) thread.join();
    log.close();
    auto const sums = log.figures();
    CHECK(sums.written + sums.refused == threads * each);
    CHECK(sums.refused > 0); // so the case is what it says
    std::uint64_t written = 0, lost = 0;
    std::vector<int> last(threads, -1);
    for (auto const& line : lines_of(in.file())) {
        if (line["event"] == "line") {
            ++written;
            auto const of = static_cast<std::size_t>(std::stoi(line["of"].get<std::string>()));
            auto const n = std::stoi(line["n"].get<std::string>());
            CHECK(n > last[of]);
            last[of] = n;
        } else {
            lost += line["queue_full"].get<std::uint64_t>();
            CHECK(line["not_written"] == 0);
        }
    }
    CHECK(written == sums.written);
    CHECK(lost == sums.refused);
}

TEST_CASE("a file that was moved away is followed by a new one, and no line is lost or torn between them") {
    folder const in;
    gateway::log log{in.options()};
    for (int n = 0; n < 200; ++n) {
        log.say(log_level::info, "line");
        if (n % 50 == 49) {
            std::filesystem::rename(in.file(), in.file("old" + std::to_string(n)));
            REQUIRE(log.reopen());
        }
    }
    log.close();
    std::size_t lines = 0;
    for (auto const* const name : {"log", "old49", "old99", "old149", "old199"})
        for (auto const& line : lines_of(in.file(name))) lines += line["event"] == "line";
    CHECK(lines == 200);
    CHECK(std::filesystem::file_size(in.file("log")) > 0); // the last word was in the new one
}

TEST_CASE("a file that cannot be opened again leaves the old one") {
    folder const in;
    std::filesystem::create_directory(in.file("sub"));
    auto options = in.options();
    options.file = in.file("sub") + "/log";
    gateway::log log{options};
    std::filesystem::rename(in.file("sub"), in.file("moved"));
    CHECK(log.reopen().error() == std::errc::no_such_file_or_directory);
    log.say(log_level::info, "still here");
    log.close();
    CHECK(lines_of(in.file("moved") + "/log").size() == 1);
}

TEST_CASE("a log that cannot be opened says which") {
    gateway::log_options options;
    options.file = "/nonexistent/log";
    try {
        gateway::log const log{options};
        FAIL("it was opened");
    } catch (std::system_error const& error) {
        CHECK(std::string{error.what()}.find("/nonexistent/log") != std::string::npos);
        CHECK(error.code() == std::errc::no_such_file_or_directory);
    }
}

TEST_CASE("a full disk loses lines, which is said at once on the standard error stream and later in the log") {
    folder const in;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto small = before;
    small.rlim_cur = 300; // the file's end is in the middle of a line

    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    int const old_stderr = ::dup(STDERR_FILENO);
    REQUIRE(::dup2(ends[1], STDERR_FILENO) >= 0);

    gateway::log log{in.options()};
    ::setrlimit(RLIMIT_FSIZE, &small);
    for (int n = 0; n < 10; ++n) {
        log.say(log_level::info, "line", {{"text", std::string(30, 'x')}});
        std::this_thread::sleep_for(10ms); // one by one
    }
    auto const until = weir::clock::now() + 10s;
    while (log.figures().written + log.figures().failed < 10 && weir::clock::now() < until)
        std::this_thread::sleep_for(1ms);
    auto const full = log.figures();
    ::setrlimit(RLIMIT_FSIZE, &before);
    log.say(log_level::info, "there is room");
    log.close();

    ::dup2(old_stderr, STDERR_FILENO);
    ::close(old_stderr);
    ::close(ends[1]);
    std::string said(4096, '\0');
    auto const size = ::read(ends[0], said.data(), said.size());
    ::close(ends[0]);
    said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    CHECK(said == "log file " + in.file() + ": File too large; lines are lost\n");

    CHECK(full.written > 0);
    CHECK(full.failed > 0);
    CHECK(full.written + full.failed == 10);
    std::ifstream from{in.file()};
    std::uint64_t whole = 0, torn = 0, lost = 0, room = 0;
    for (std::string text; std::getline(from, text);) {
        auto const line = json::parse(text, nullptr, false);
        if (line.is_discarded()) ++torn;
        else if (line["event"] == "line") ++whole;
        else if (line["event"] == "there is room") ++room;
        else lost += line["not_written"].get<std::uint64_t>();
    }
    CHECK(whole == full.written);
    CHECK(torn == 1);
    CHECK(lost == full.failed);
    CHECK(room == 1);
}

TEST_CASE("a reader who does not read keeps the log from nothing but its lines") {
    weir::test::watchdog const watched{60};
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    int const old_stderr = ::dup(STDERR_FILENO);
    REQUIRE(::dup2(ends[1], STDERR_FILENO) >= 0);
    gateway::log_options options;
    options.most_waiting = 16;
    options.patience = 50ms;
    gateway::log log{options};
    ::dup2(old_stderr, STDERR_FILENO);
    ::close(old_stderr);
    ::close(ends[1]);

    constexpr std::uint64_t lines = 640; // more than the pipe and the queue hold
    auto longest = 0ns;
    for (std::uint64_t n = 0; n < lines; ++n) {
        auto const began = weir::clock::now();
        log.say(log_level::info, "line", {{"text", std::string(500, 'x')}});
        longest = std::max(longest, std::chrono::nanoseconds{weir::clock::now() - began});
        if (n % 16 == 15) std::this_thread::sleep_for(6ms); // so that the writer meets the pipe's end
    }
    auto const began = weir::clock::now();
    log.close();
    CHECK(weir::clock::now() - began < 5s);
    CHECK(longest < 2s);
    auto const sums = log.figures();
    CHECK(sums.refused > 0);
    CHECK(sums.failed > 0);
    CHECK(sums.written + sums.refused + sums.failed == lines);
    ::close(ends[0]);
}

TEST_CASE("the log's figures are metrics") {
    folder const in;
    gateway::log log{in.options()};
    weir::registry numbers;
    auto const kept = log.register_metrics(numbers);
    log.say(log_level::info, "one");
    log.close();
    log.say(log_level::info, "too late");
    std::string text;
    numbers.write(text);
    CHECK(text.find("gateway_log_lines_total 1\n") != std::string::npos);
    CHECK(text.find("gateway_log_lines_lost_total{reason=\"queue_full\"} 1\n") != std::string::npos);
    CHECK(text.find("gateway_log_lines_lost_total{reason=\"not_written\"} 0\n") != std::string::npos);
}
