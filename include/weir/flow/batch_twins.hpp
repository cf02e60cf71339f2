// weir/flow/batch_twins.hpp: who asks a batcher for the same, and how the first of them is found.
// The first one's request stands in line for all; should it leave, the next one's takes its place. So equal requests are
// sent once, and who shares one may still come and go by itself.
// Threads:  one at a time; their owner locks.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/context.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace weir::inline v0::detail {

class batch_caller;

// What a caller has in addition where requests have keys.
class batch_twins : immovable {
public:
    using same_function = bool (*)(batch_twins const&, batch_twins const&) noexcept;

    batch_twins(batch_caller& of, std::uint64_t hash, same_function same) noexcept : of_{of}, hash_{hash}, same_{same} {}
    batch_caller& asker() const noexcept { return of_; }

    intrusive_list<batch_caller> others; // who ask for the same, but the caller itself
    time_point due = no_deadline;        // when the request should be sent for their sake

private:
    friend class twin_table;
    batch_caller& of_;
    std::uint64_t const hash_;
    same_function const same_;
    batch_twins* next_ = nullptr; // of the same bucket
};

// The first of each kind in a line. Its size is fixed, so that nobody allocates: looking takes longer in a line that is
// much longer than a few batches.
class twin_table : immovable {
public:
    // Without buckets it holds nothing.
    explicit twin_table(std::size_t buckets)
        : mask_{buckets != 0 ? std::bit_ceil(buckets) - 1 : 0},
          buckets_{buckets != 0 ? new batch_twins* [mask_ + 1] {} : nullptr} {}

    // The one that asks for the same as `one`; null where there is none.
    batch_twins* find(batch_twins const& one) const noexcept {
        for (batch_twins* other = bucket(one); other; other = other->next_)
            if (other->hash_ == one.hash_ && one.same_(*other, one)) return other;
        return nullptr;
    }
    void insert(batch_twins& one) noexcept {
        one.next_ = bucket(one);
        bucket(one) = &one;
    }
    // Needs: a member.
    void erase(batch_twins& one) noexcept {
        batch_twins** link = &bucket(one);
        while (*link != &one) link = &(*link)->next_;
        *link = one.next_;
    }

private:
    batch_twins*& bucket(batch_twins const& one) const noexcept {
        return buckets_[static_cast<std::size_t>(one.hash_) & mask_];
    }

    std::size_t const mask_;
    std::unique_ptr<batch_twins*[]> const buckets_;
};

} // namespace weir::detail
