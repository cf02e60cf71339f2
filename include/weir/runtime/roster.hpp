// weir/runtime/roster.hpp: the names of those tasks that were spawned with one and have not ended.
// A task without a name is not in it, and pays nothing for it.
// Threads:  any.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <coroutine>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

class roster : immovable {
public:
    // A name on the list, from its construction to its end; it lies in the frame of the task.
    class entry : public list_node {
    public:
        // `who`: the coroutine in which it lies.
        entry(roster& in, std::string name, std::coroutine_handle<> who = {})
            : in_{in}, name_{std::move(name)}, who_{who} {
            spin_guard const locked{in_.lock_};
            in_.entries_.push_back(*this);
        }
        ~entry() {
            spin_guard const locked{in_.lock_};
            unlink();
        }

    private:
        friend class roster;
        roster& in_;
        std::string const name_;
        std::coroutine_handle<> const who_;
    };

    // In the order in which they began. For reports: copies under the lock.
    std::vector<std::string> names() {
        std::vector<std::string> all;
        spin_guard const locked{lock_};
        for (entry* one = entries_.front(); one; one = entries_.next(*one)) all.push_back(one->name_);
        return all;
    }

    // The same with their coroutines, by the address of these.
    std::map<void const*, std::string> named() {
        std::map<void const*, std::string> all;
        spin_guard const locked{lock_};
        for (entry* one = entries_.front(); one; one = entries_.next(*one)) all.emplace(one->who_.address(), one->name_);
        return all;
    }

private:
    spin_lock lock_;
    intrusive_list<entry> entries_;
};

} // namespace weir
