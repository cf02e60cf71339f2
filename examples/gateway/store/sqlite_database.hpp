// examples/gateway/store/sqlite_database.hpp: keys and audit in an SQLite file: a connection for each blocking thread.
// The file is in WAL mode: readers and the one writer do not wait for each other, and what was committed is on the disk.
#pragma once

#include "database.hpp"
#include "sqlite_connection.hpp"

#include <weir/runtime/worker_local.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace gateway {

class sqlite_options {
public:
    sqlite_options() noexcept {}

    weir::duration longest_query = std::chrono::seconds{10}; // interrupted then, or at the caller's deadline
    std::int64_t max_pages = 0;                              // of 4 KiB, in the file; 0: as many as there is room for
};

class sqlite_database final : public database {
public:
    explicit sqlite_database(std::string path, sqlite_options options = {});

    weir::task<weir::result<std::optional<key_record>>> find_key(key_digest key) override;
    weir::task<weir::result<bool>> add_key(key_digest key, key_record its) override;
    weir::task<weir::result<bool>> revoke_key(key_digest key) override;
    weir::task<weir::result<void>> insert(std::span<audit_row const> rows) override;

    bool may_recover(std::error_code error) const noexcept override;
    weir::task<> close() override { co_return; }

    weir::worker_local_counts counts() const noexcept { return connections_.counts(); }

private:
    sqlite_options const options_;
    weir::worker_local<sqlite_connection> connections_;
};

} // namespace gateway
