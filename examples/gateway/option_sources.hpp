// examples/gateway/option_sources.hpp: values for the options of a command line that it has not given itself.
// Not:      aware of what the options mean.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}

namespace gateway {

class option_sources {
public:
    // Needs: `app` has parsed its command line and outlives this; `secrets` are long names without dashes.
    option_sources(CLI::App& app, std::vector<std::string_view> secrets);

    // Takes every variable `prefix`NAME_OF_OPTION for an option without a value; a list has commas between its parts.
    // Errors: std::runtime_error with the variable's name and its value, for one that is wrong, and for one that means
    //         nothing and is not among `others`.
    void take_environment(char const* const* variables, std::string_view prefix, std::vector<std::string_view> others);
    // The same from a file of lines "name-of-option = value", with [a, b] for lists and # before comments.
    void take_file(std::string const& path);

    // A line for each option: its name, value and where it comes from. Secrets are "(set)" or empty.
    std::string listing() const;

private:
    void take(CLI::Option& option, std::vector<std::string> const& values, std::string const& where,
              std::string const& source);
    bool is_secret(CLI::Option const& option) const;

    CLI::App& app_;
    std::vector<std::string_view> const secrets_;
    std::map<CLI::Option const*, std::string> source_; // of those that have a value
};

} // namespace gateway
