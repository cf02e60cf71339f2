// tests/unit/cpu/fake_root.hpp: a folder that stands for "/", with what a kernel would tell there.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

// Gone at the end of the test.
class fake_root {
public:
    fake_root() {
        std::string name = (std::filesystem::temp_directory_path() / "weir-root-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    fake_root(fake_root const&) = delete;
    fake_root& operator=(fake_root const&) = delete;
    ~fake_root() { std::filesystem::remove_all(path_); }

    fake_root& file(std::string const& at, std::string const& text) {
        std::filesystem::create_directories((path_ + at).substr(0, (path_ + at).rfind('/')));
        std::ofstream(path_ + at) << text;
        return *this;
    }
    std::string const& path() const noexcept { return path_; }

private:
    std::string path_;
};
