// weir/base/intrusive.hpp: lists whose links lie in the values, so that queueing allocates nothing.
// Threads:  one at a time; their owner locks.
// Not:      owning. A value must outlive its membership.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>

#include <utility>

namespace weir::inline v0 {

namespace detail {

// A link is a plain pointer, or an atomic one where the value also passes through a queue between threads.
template <class T>
T* get_link(T* const& link) noexcept { return link; }
template <class T>
T* get_link(atomic<T*> const& link) noexcept {
    return link.load(relaxed); // one thread at a time: the owner's lock orders
}
template <class T>
void set_link(T*& link, T* to) noexcept { link = to; }
template <class T>
void set_link(atomic<T*>& link, T* to) noexcept { link.store(to, relaxed); } // the same

} // namespace detail

// A singly linked queue over `T::next`, a `T*` or an `atomic<T*>`.
template <class T>
class intrusive_fifo {
public:
    intrusive_fifo() = default;
    intrusive_fifo(intrusive_fifo&& other) noexcept
        : head_{std::exchange(other.head_, nullptr)}, tail_{std::exchange(other.tail_, nullptr)} {}
    intrusive_fifo& operator=(intrusive_fifo&& other) noexcept {
        head_ = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, nullptr);
        return *this;
    }

    bool empty() const noexcept { return head_ == nullptr; }
    T* front() const noexcept { return head_; }

    void push_back(T& item) noexcept {
        detail::set_link<T>(item.next, nullptr);
        if (tail_) detail::set_link<T>(tail_->next, &item);
        else head_ = &item;
        tail_ = &item;
    }
    void push_front(T& item) noexcept {
        detail::set_link<T>(item.next, head_);
        head_ = &item;
        if (!tail_) tail_ = &item;
    }
    // Null when empty.
    T* pop_front() noexcept {
        T* const item = head_;
        if (!item) return nullptr;
        head_ = detail::get_link<T>(item->next);
        if (!head_) tail_ = nullptr;
        return item;
    }
    void append(intrusive_fifo&& other) noexcept {
        if (other.empty()) return;
        if (tail_) detail::set_link<T>(tail_->next, other.head_);
        else head_ = other.head_;
        tail_ = std::exchange(other.tail_, nullptr);
        other.head_ = nullptr;
    }

private:
    T* head_ = nullptr;
    T* tail_ = nullptr;
};

// A singly linked stack over `T::next`, likewise.
template <class T>
class intrusive_stack {
public:
    intrusive_stack() = default;
    intrusive_stack(intrusive_stack&& other) noexcept : head_{std::exchange(other.head_, nullptr)} {}
    intrusive_stack& operator=(intrusive_stack&& other) noexcept {
        head_ = std::exchange(other.head_, nullptr);
        return *this;
    }

    bool empty() const noexcept { return head_ == nullptr; }
    void push(T& item) noexcept {
        detail::set_link<T>(item.next, head_);
        head_ = &item;
    }
    // Null when empty.
    T* pop() noexcept {
        T* const item = head_;
        if (item) head_ = detail::get_link<T>(item->next);
        return item;
    }

private:
    T* head_ = nullptr;
};

// The links of a member of an intrusive_list; alone in the world while `linked()` is false.
class list_node {
public:
    list_node() = default;
    list_node(list_node const&) = delete;
    list_node& operator=(list_node const&) = delete;

    bool linked() const noexcept { return next_ != nullptr; }
    // Leaves whatever list it is in.  Needs: linked().  Cost: two stores, no look at the list's head.
    void unlink() noexcept {
        prev_->next_ = next_;
        next_->prev_ = prev_;
        next_ = prev_ = nullptr;
    }

private:
    template <class>
    friend class intrusive_list;
    list_node* next_ = nullptr;
    list_node* prev_ = nullptr;
};

// A circular doubly linked queue of T, which derives from list_node. Unlinking needs no list.
template <class T>
class intrusive_list {
public:
    intrusive_list() noexcept { root_.next_ = root_.prev_ = &root_; }
    intrusive_list(intrusive_list const&) = delete;
    intrusive_list& operator=(intrusive_list const&) = delete;

    bool empty() const noexcept { return root_.next_ == &root_; }
    T* front() noexcept { return empty() ? nullptr : static_cast<T*>(root_.next_); }
    T* next(T& item) noexcept {
        list_node& node = item;
        return node.next_ == &root_ ? nullptr : static_cast<T*>(node.next_);
    }

    void push_back(T& item) noexcept { insert(item, *root_.prev_); }
    void push_front(T& item) noexcept { insert(item, root_); }
    // Null when empty.
    T* pop_front() noexcept {
        T* const item = front();
        if (item) item->list_node::unlink();
        return item;
    }
    // Puts `item` where `gone` was, which leaves.  Needs: `gone` to be a member.
    void replace(T& gone, T& item) noexcept {
        list_node& left = gone;
        list_node& before = *left.prev_;
        left.unlink();
        insert(item, before);
    }
    // Takes all of `other` behind its own.
    void splice(intrusive_list& other) noexcept {
        if (other.empty()) return;
        list_node& first = *other.root_.next_;
        list_node& last = *other.root_.prev_;
        other.root_.next_ = other.root_.prev_ = &other.root_;
        first.prev_ = root_.prev_;
        last.next_ = &root_;
        root_.prev_->next_ = &first;
        root_.prev_ = &last;
    }

private:
    void insert(T& item, list_node& after) noexcept {
        list_node& node = item;
        WEIR_ASSERT(!node.linked(), "a list node is in two lists");
        node.prev_ = &after;
        node.next_ = after.next_;
        after.next_->prev_ = &node;
        after.next_ = &node;
    }

    list_node root_;
};

} // namespace weir
