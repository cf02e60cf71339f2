// weir/runtime/symbols.hpp: the names of functions, by address: from a file's own symbol table, which knows static ones
// and coroutines, and else from what the linker exports.
// Threads:  one at a time.
// Cost:     the table of each file is read when the first address in it is asked for.
// Not:      lines and inlined functions: for those a debugger reads the debug information.
// For:      authors of primitives: profiler.hpp.
// Source:   System V ABI, "Object files", 2013, for the table.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#if WEIR_LINUX
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <map>
#include <memory>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#endif

namespace weir::inline v0 {

// A function's name without its parameters, for a coroutine that of the function that was written.
class symbol {
public:
    std::string name;
    bool begins = false; // the address is that of its first instruction
};

class symbols : immovable {
public:
    // The function at this address; none where its file has no table, or no such function.
    std::optional<symbol> at(std::uintptr_t address);
    // The first instructions of all functions that resume a coroutine, sorted; of files that have a table, and of
    // compilers that mark them by the end of their name.
    std::vector<std::uintptr_t> coroutines();
    // Its name, or else the file's and the place in it.
    std::string name_of(std::uintptr_t address);

private:
#if WEIR_LINUX
    struct function {
        std::uintptr_t begin;
        std::uintptr_t end;
        std::string mangled;
    };
    using table = std::vector<function>; // by `begin`

    table const& table_of(Dl_info const& where);
    static table read(char const* file, std::uintptr_t base);
    static std::string written(char const* mangled);

    std::map<std::uintptr_t, table> tables_; // by where the file lies in memory
#endif
};

#if WEIR_LINUX

namespace detail {

// A file, mapped to be read; empty where that fails.
class mapped_file : immovable {
public:
    explicit mapped_file(char const* path) noexcept {
        int const file = ::open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) return;
        struct stat about;
        if (::fstat(file, &about) == 0 && about.st_size > 0) {
            auto const size = static_cast<std::size_t>(about.st_size);
            void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
            if (at != MAP_FAILED) {
                data_ = static_cast<char const*>(at);
                size_ = size;
            }
        }
        ::close(file);
    }
    ~mapped_file() {
        if (data_) ::munmap(const_cast<char*>(data_), size_);
    }

    // `count` values that lie at this offset; null where the file is too short for them.
    template <class T>
    T const* array(std::uint64_t offset, std::uint64_t count) const noexcept {
        if (offset > size_ || count > (size_ - offset) / sizeof(T) || offset % alignof(T) != 0) return nullptr;
        return reinterpret_cast<T const*>(data_ + offset);
    }

private:
    char const* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace detail

inline symbols::table symbols::read(char const* path, std::uintptr_t base) {
    table found;
    detail::mapped_file const file{path};
    auto const* const head = file.array<ElfW(Ehdr)>(0, 1);
    if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return found;
    auto const* const sections = file.array<ElfW(Shdr)>(head->e_shoff, head->e_shnum);
    if (!sections) return found;
    auto const moved = head->e_type == ET_DYN ? base : 0;
    for (unsigned n = 0; n < head->e_shnum; ++n) {
        auto const& section = sections[n];
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= head->e_shnum) continue;
        auto const count = section.sh_size / sizeof(ElfW(Sym));
        auto const* const each = file.array<ElfW(Sym)>(section.sh_offset, count);
        auto const& strings = sections[section.sh_link];
        auto const* const names = file.array<char>(strings.sh_offset, strings.sh_size);
        if (!each || !names || strings.sh_size == 0 || names[strings.sh_size - 1] != '\0') continue;
        for (std::size_t i = 0; i < count; ++i) {
            bool const is_function = (each[i].st_info & 0xf) == STT_FUNC && each[i].st_value != 0;
            if (!is_function || each[i].st_name >= strings.sh_size) continue;
            auto const begin = moved + each[i].st_value;
            found.push_back({begin, begin + std::max<std::uintptr_t>(each[i].st_size, 1), names + each[i].st_name});
        }
    }
    std::sort(found.begin(), found.end(), [](function const& a, function const& b) { return a.begin < b.begin; });
    return found;
}

inline symbols::table const& symbols::table_of(Dl_info const& where) {
    auto const base = reinterpret_cast<std::uintptr_t>(where.dli_fbase);
    auto const [place, fresh] = tables_.try_emplace(base);
    if (fresh) {
        place->second = read(where.dli_fname, base);
        // The program may have been called by a name that leads nowhere from here.
        if (place->second.empty() && !std::strchr(where.dli_fname, '.')) place->second = read("/proc/self/exe", base);
    }
    return place->second;
}

// As a reader would write it: without parameters, and without what a compiler has put behind a coroutine's name.
inline std::string symbols::written(char const* mangled) {
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> const plain{abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                            &std::free};
    std::string name = plain ? plain.get() : mangled;
    if (!plain) return name;
    if (auto const clone = name.find(" [clone"); clone != name.npos) name.erase(clone);
    // The parameters end with the last parenthesis, and begin with the one that belongs to it.
    auto const end = name.rfind(')');
    if (end == name.npos || name.find_first_not_of(" const&", end + 1) != name.npos) return name;
    int open = 0;
    for (auto at = end + 1; at-- > 0;) {
        if (name[at] == ')') ++open;
        if (name[at] == '(' && --open == 0) {
            if (at > 0) name.erase(at);
            break;
        }
    }
    return name;
}

inline std::optional<symbol> symbols::at(std::uintptr_t address) {
    Dl_info where{};
    if (::dladdr(reinterpret_cast<void*>(address), &where) == 0) return std::nullopt;
    auto const& all = table_of(where);
    auto const after = std::upper_bound(all.begin(), all.end(), address,
                                        [](std::uintptr_t value, function const& one) { return value < one.begin; });
    if (after != all.begin() && address < (after - 1)->end)
        return symbol{written((after - 1)->mangled.c_str()), (after - 1)->begin == address};
    if (!all.empty() || !where.dli_sname) return std::nullopt;
    return symbol{written(where.dli_sname), reinterpret_cast<std::uintptr_t>(where.dli_saddr) == address};
}

inline std::vector<std::uintptr_t> symbols::coroutines() {
    auto const note = [](dl_phdr_info* of, std::size_t, void* into) {
        static_cast<std::vector<void const*>*>(into)->push_back(of->dlpi_phdr); // lies in the file
        return 0;
    };
    std::vector<void const*> files;
    ::dl_iterate_phdr(note, &files);
    std::vector<std::uintptr_t> found;
    for (void const* const in : files) {
        Dl_info where{};
        if (::dladdr(in, &where) == 0) continue;
        for (auto const& each : table_of(where))
            if (each.mangled.ends_with(".actor") || each.mangled.ends_with(".resume")) found.push_back(each.begin);
    }
    std::sort(found.begin(), found.end());
    return found;
}

inline std::string symbols::name_of(std::uintptr_t address) {
    if (auto found = at(address)) return std::move(found->name);
    char text[32];
    Dl_info where{};
    if (::dladdr(reinterpret_cast<void*>(address), &where) == 0 || !where.dli_fname) {
        std::snprintf(text, sizeof text, "0x%zx", static_cast<std::size_t>(address));
        return text;
    }
    auto const place = address - reinterpret_cast<std::uintptr_t>(where.dli_fbase);
    std::snprintf(text, sizeof text, "+0x%zx", static_cast<std::size_t>(place));
    char const* const slash = std::strrchr(where.dli_fname, '/');
    return (slash ? slash + 1 : where.dli_fname) + std::string{text};
}

#else

inline std::optional<symbol> symbols::at(std::uintptr_t) { return std::nullopt; }
inline std::vector<std::uintptr_t> symbols::coroutines() { return {}; }
inline std::string symbols::name_of(std::uintptr_t address) { return std::to_string(address); }

#endif

} // namespace weir
