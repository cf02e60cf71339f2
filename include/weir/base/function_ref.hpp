// weir/base/function_ref.hpp: a callable borrowed for the length of a call.
// Not:      owning. The callable must outlive the reference.
// Source:   V. Romeo, Z. Laine, T. Song, "function_ref: a type-erased callable reference", P0792, 2014 to 2023.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class>
class function_ref;

template <class Result, class... Args>
class function_ref<Result(Args...)> {
public:
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && std::is_object_v<std::remove_reference_t<F>> &&
                 std::is_invocable_r_v<Result, F&, Args...>)
    function_ref(F&& callable) noexcept
        : object_{const_cast<void*>(static_cast<void const*>(std::addressof(callable)))},
          call_{[](void* object, Args... args) -> Result {
              auto& target = *static_cast<std::remove_reference_t<F>*>(object);
              if constexpr (std::is_void_v<Result>) static_cast<void>(target(std::forward<Args>(args)...));
              else return target(std::forward<Args>(args)...);
          }} {}

    Result operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

private:
    void* object_;
    Result (*call_)(void*, Args...);
};

} // namespace weir
