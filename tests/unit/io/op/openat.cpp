// tests/unit/io/op/openat.cpp: files are opened by their paths, told what they are, renamed and removed.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/stop.hpp>
#include <weir/io/op/close.hpp>
#include <weir/io/op/openat.hpp>
#include <weir/io/op/read_at.hpp>
#include <weir/io/op/renameat.hpp>
#include <weir/io/op/statx.hpp>
#include <weir/io/op/unlinkat.hpp>
#include <weir/io/op/write_at.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

using namespace weir;
using namespace weir::test;

namespace {

// An empty folder, gone with all in it at the end.
class temporary_folder {
public:
    temporary_folder() {
        REQUIRE(::mkdtemp(name_.data()) != nullptr);
        file_ = io::fd{::open(name_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(name_); }
    std::string path_of(std::string const& name) const { return name_ + "/" + name; }
    io::fd_ref ref() const { return file_.ref(); }

private:
    std::string name_ = (std::filesystem::temp_directory_path() / "weir-XXXXXX").string();
    io::fd file_;
};

} // namespace

TEST_CASE("a file is made, written, told what it is, and opened again") {
    backend_runtime rt;
    temporary_folder const folder;
    auto const files = entries_of("fd");
    rt->block_on(
        [](temporary_folder const& in) -> task<> {
            {
                auto const made = co_await io::openat(in.ref(), "a", O_WRONLY | O_CREAT | O_EXCL, 0640);
                REQUIRE(made.has_value());
                CHECK((::fcntl(made->number(), F_GETFD) & FD_CLOEXEC) != 0);
                auto const written = co_await io::write_at(made->ref(), bytes_of("content"), 0);
                REQUIRE(written.has_value());
                auto const open_one = co_await io::statx(made->ref());
                REQUIRE(open_one.has_value());
                CHECK(open_one->stx_size == 7);
                CHECK((open_one->stx_mode & 07777) == 0640);
            }
            auto const again = co_await io::openat(in.ref(), "a", O_WRONLY | O_CREAT | O_EXCL);
            CHECK(again.error() == std::errc::file_exists);
            auto const found = co_await io::open(in.path_of("a"), O_RDONLY);
            REQUIRE(found.has_value());
            std::array<std::byte, 16> into{};
            auto const got = co_await io::read_at(found->ref(), into, 0);
            REQUIRE(got.has_value());
            CHECK(text_of(std::span{into}.first(*got)) == "content");
            auto const named = co_await io::statx(in.ref(), "a");
            REQUIRE(named.has_value());
            CHECK(named->stx_size == 7);
            CHECK(S_ISREG(named->stx_mode));
        },
        std::cref(folder));
    CHECK(entries_of("fd") == files);
}

TEST_CASE("a link is followed, or looked at itself when asked to") {
    backend_runtime rt;
    temporary_folder const folder;
    std::filesystem::create_symlink("/dev/null", folder.path_of("link"));
    rt->block_on(
        [](temporary_folder const& in) -> task<> {
            auto const target = co_await io::statx(in.ref(), "link");
            REQUIRE(target.has_value());
            CHECK(S_ISCHR(target->stx_mode));
            auto const link = co_await io::statx(in.ref(), "link", AT_SYMLINK_NOFOLLOW);
            REQUIRE(link.has_value());
            CHECK(S_ISLNK(link->stx_mode));
            auto const refused = co_await io::openat(in.ref(), "link", O_RDONLY | O_NOFOLLOW);
            CHECK(refused.error() == std::errc::too_many_symbolic_link_levels);
        },
        std::cref(folder));
}

TEST_CASE("a path that names nothing is an error, also one that only begins like a file's") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        using namespace std::string_literals;
        for (auto const& name : {"/no/such/file"s, "/dev/null\0.txt"s, ""s}) {
            auto const opened = co_await io::open(name, O_RDONLY);
            CHECK(opened.error() == std::errc::no_such_file_or_directory);
            auto const told = co_await io::statx(io::working_folder(), name);
            CHECK(told.error() == std::errc::no_such_file_or_directory);
        }
        auto const nowhere = co_await io::openat(io::fd_ref{}, "relative", O_RDONLY);
        CHECK(nowhere.error() == std::errc::bad_file_descriptor);
        auto const nothing = co_await io::statx(io::fd_ref{});
        CHECK(nothing.error() == std::errc::bad_file_descriptor);
        // Without a folder's descriptor an absolute path needs none.
        auto const absolute = co_await io::openat(io::fd_ref{}, "/dev/null", O_RDONLY);
        CHECK(absolute.has_value());
    });
}

TEST_CASE("an empty path does not stand for the folder, even where the caller says it may") {
    backend_runtime rt;
    temporary_folder const folder;
    rt->block_on(
        [](temporary_folder const& in) -> task<> {
            auto const told = co_await io::statx(in.ref(), "", AT_EMPTY_PATH);
            CHECK(told.error() == std::errc::no_such_file_or_directory);
        },
        std::cref(folder));
}

TEST_CASE("a stop before an open keeps a file from being made") {
    backend_runtime rt;
    temporary_folder const folder;
    rt->block_on(
        [](temporary_folder const& in) -> task<> {
            context const& above = co_await this_task();
            stop_source source;
            source.request_stop();
            context const stopped = above.with_stop(source.token());
            co_await use_context(stopped);
            auto const opened = co_await io::openat(in.ref(), "made", O_WRONLY | O_CREAT);
            auto const told = co_await io::statx(in.ref(), "made");
            co_await use_context(above);
            CHECK(opened.error() == errc::cancelled);
            CHECK(told.error() == errc::cancelled);
        },
        std::cref(folder));
    CHECK(!std::filesystem::exists(folder.path_of("made")));
}

TEST_CASE("a file takes the place of another by its name, and a name that is taken away names nothing") {
    backend_runtime rt;
    temporary_folder const folder;
    rt->block_on(
        [](temporary_folder const& in) -> task<> {
            for (auto const* const name : {"old", "new"}) {
                auto const made = co_await io::openat(in.ref(), name, O_WRONLY | O_CREAT | O_EXCL);
                REQUIRE(made.has_value());
                REQUIRE(::write(made->number(), name, 3) == 3);
            }
            auto const renamed = co_await io::renameat(in.ref(), "new", in.ref(), "old");
            CHECK(renamed.has_value());
            auto const gone = co_await io::statx(in.ref(), "new");
            CHECK(gone.error() == std::errc::no_such_file_or_directory);
            auto const there = co_await io::openat(in.ref(), "old", O_RDONLY);
            REQUIRE(there.has_value());
            char text[4] = {};
            CHECK(::read(there->number(), text, 3) == 3);
            CHECK(std::string{text} == "new");
            auto const absolute = co_await io::rename(in.path_of("old"), in.path_of("last"));
            CHECK(absolute.has_value());
            auto const removed = co_await io::unlinkat(in.ref(), "last");
            CHECK(removed.has_value());
            auto const again = co_await io::unlinkat(in.ref(), "last");
            CHECK(again.error() == std::errc::no_such_file_or_directory);
            auto const nothing = co_await io::renameat(in.ref(), "last", in.ref(), "old");
            CHECK(nothing.error() == std::errc::no_such_file_or_directory);
        },
        std::cref(folder));
    CHECK(std::filesystem::is_empty(folder.path_of("")));
}

TEST_CASE("a folder is removed by who says that it is one, when it is empty") {
    backend_runtime rt;
    temporary_folder const folder;
    std::filesystem::create_directories(folder.path_of("outer/inner"));
    rt->block_on(
        [](temporary_folder const& in) -> task<> {
            auto const no_file = co_await io::unlinkat(in.ref(), "outer");
            CHECK(no_file.error() == std::errc::is_a_directory);
            auto const full = co_await io::unlinkat(in.ref(), "outer", AT_REMOVEDIR);
            CHECK(full.error() == std::errc::directory_not_empty);
            auto const inner = co_await io::unlinkat(in.ref(), "outer/inner", AT_REMOVEDIR);
            CHECK(inner.has_value());
            auto const empty = co_await io::unlinkat(in.ref(), "outer", AT_REMOVEDIR);
            CHECK(empty.has_value());
        },
        std::cref(folder));
}
