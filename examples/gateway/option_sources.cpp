// examples/gateway/option_sources.cpp: names in other spellings, and errors that say where a value stood.
#include "option_sources.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace gateway {
namespace {

std::string const& name_of(CLI::Option const& option) { return option.get_lnames().front(); }

bool is_setting(CLI::Option const* option) { return option->get_configurable() && !option->get_lnames().empty(); }

std::string variable_of(std::string_view prefix, CLI::Option const& option) {
    std::string variable{prefix};
    for (char const c : name_of(option))
        variable += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return variable;
}

std::vector<std::string> parts_of(std::string const& list) {
    auto parts = CLI::detail::split(list, ',');
    for (auto& each : parts) CLI::detail::trim(each);
    std::erase(parts, "");
    return parts;
}

std::string joined(std::vector<std::string> const& values) { return CLI::detail::join(values, ", "); }

} // namespace

option_sources::option_sources(CLI::App& app, std::vector<std::string_view> secrets)
    : app_{app}, secrets_{std::move(secrets)} {
    for (auto const* const each : app_.get_options(is_setting))
        if (each->count() > 0) source_[each] = "the command line";
}

bool option_sources::is_secret(CLI::Option const& option) const {
    return std::find(secrets_.begin(), secrets_.end(), name_of(option)) != secrets_.end();
}

void option_sources::take(CLI::Option& option, std::vector<std::string> const& values, std::string const& where,
                          std::string const& source) {
    if (option.count() > 0) return; // a nearer source has spoken
    try {
        if (values.empty() || (values.size() > 1 && option.get_items_expected_max() <= 1))
            throw CLI::ArgumentMismatch{"one value is wanted"};
        for (auto const& each : values) option.add_result(each);
        option.run_callback();
    } catch (CLI::Error const& error) {
        auto const value = is_secret(option) ? std::string{"(not shown)"} : joined(values);
        throw std::runtime_error(where + " = " + value + ": " + error.what());
    }
    source_[&option] = source;
}

void option_sources::take_environment(char const* const* variables, std::string_view prefix,
                                      std::vector<std::string_view> others) {
    std::map<std::string, CLI::Option*, std::less<>> known;
    for (auto* const each : app_.get_options([](CLI::Option* option) { return is_setting(option); }))
        known[variable_of(prefix, *each)] = each;
    for (; variables && *variables; ++variables) {
        std::string_view const line = *variables;
        auto const name = line.substr(0, line.find('='));
        if (!name.starts_with(prefix) || std::find(others.begin(), others.end(), name) != others.end()) continue;
        std::string const where = "the environment variable " + std::string{name};
        auto const found = known.find(name);
        if (found == known.end()) throw std::runtime_error(where + " is none of this program's; see --help");
        std::string const value{line.substr(std::min(name.size() + 1, line.size()))};
        bool const is_list = found->second->get_items_expected_max() > 1;
        take(*found->second, is_list ? parts_of(value) : std::vector{value}, where, "the environment");
    }
}

void option_sources::take_file(std::string const& path) {
    std::vector<CLI::ConfigItem> items;
    try {
        items = CLI::ConfigTOML{}.from_file(path);
    } catch (CLI::Error const& error) { throw std::runtime_error("the file of --config: " + std::string{error.what()}); }
    for (auto const& each : items) {
        std::string const where = path + ": " + each.fullname();
        if (!each.parents.empty()) throw std::runtime_error(where + ": there are no sections in this file");
        auto* const option = app_.get_option_no_throw("--" + each.name);
        if (!option || !is_setting(option)) throw std::runtime_error(where + " is no setting; see --help");
        if (source_.contains(option) && source_[option] == path) throw std::runtime_error(where + " is there twice");
        take(*option, each.inputs, where, path);
    }
}

std::string option_sources::listing() const {
    std::string text;
    for (auto const* const each : app_.get_options(is_setting)) {
        auto const from = source_.find(each);
        bool const set = from != source_.end();
        auto const value = set ? joined(each->results()) : each->get_default_str();
        text += "  " + name_of(*each) + " = " + (is_secret(*each) && set ? "(set)" : value) +
                (set ? "   # from " + from->second : "") + '\n';
    }
    return text;
}

} // namespace gateway
