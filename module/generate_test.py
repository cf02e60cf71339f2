#!/usr/bin/env python3
"""module/generate_test.py: makes a module of tiny trees, and shows which names it exports, and which not."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import generate


def write(root, declarations, umbrella="#include <weir/base/one.hpp>\n"):
    for name, text in {"weir.hpp": "#include <weir/base.hpp>\n", "base.hpp": umbrella, "base/one.hpp": declarations,
                       "base/hidden.hpp": "namespace weir {\nstruct for_authors {};\n}\n"}.items():
        path = Path(root) / "include" / "weir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def module_of(declarations, **tree):
    with tempfile.TemporaryDirectory() as root:
        write(root, declarations, **tree)
        return generate.generate(root)


def exported(declarations, **tree):
    """What the module of one header exports, as `space::name`."""
    return [line[len("using "):-1] for line in module_of(declarations, **tree).splitlines() if line.startswith("using ")]


def names(*declarations):
    """The same of declarations in namespace weir, without it."""
    return [name.removeprefix("weir::") for name in exported("namespace weir {\n" + "\n".join(declarations) + "\n}\n")]


class Names(unittest.TestCase):
    def test_types_functions_variables_concepts_and_aliases(self):
        self.assertEqual(
            names("class a;", "struct b { int inner; };", "enum class c { first, second = 2 };", "void d(int x = f(1));",
                  "inline constexpr int e = 3;", "inline constexpr option<int> f{1, 2};", "using g = int;",
                  "template <class T>\nconcept h = requires(T t) { t.begin(); } || sizeof(T) < 4;",
                  "inline constexpr char const* i[] = {\"}\", \"{\"};", "inline auto j() -> int { return 1; }"),
            list("abcdefghij"))

    def test_templates_constraints_attributes_and_macros_are_no_names(self):
        self.assertEqual(
            names("template <class T, std::size_t N = (1 > 0)>\n    requires small<T> && (sizeof(T) > N)\n"
                  "class [[nodiscard]] WEIR_AWAIT_ELIDABLE a final : public b<T> {};",
                  "template <class... Ts>\n    requires requires(Ts... ts) { f(ts...); }\n"
                  "[[nodiscard]] auto c(Ts&&... ts) -> d<Ts...> { return {}; }",
                  "struct alignas(64) e {};", "extern template class f<int>;"), list("ace"))

    def test_members_specialisations_and_assertions_declare_nothing_new(self):
        self.assertEqual(
            names("template <class T>\nclass a {\npublic:\n    a(int);\n    ~a();\n    int b();\n    class c;\n};",
                  "template <class T>\na<T>::a(int) : x_{1}, y_(2) {}", "template <class T>\na<T>::~a() { f(); }",
                  "template <class T>\nint a<T>::b() { return 1; }", "template <class T>\nclass a<T>::c {};",
                  "template <>\nclass a<int> {};", "template <class T>\na(T) -> a<T>;",
                  "inline a<int>& a<int>::operator=(a<int>&& from) { return *this; }",
                  "static_assert(sizeof(a<int>) < 9);"),
            ["a"])

    def test_operators_are_names_too(self):
        self.assertEqual(names("struct a {};", "inline bool operator==(a x, a y) { return true; }",
                               "a operator&(a x, a y);"), ["a", "operator&", "operator=="])

    def test_a_name_is_exported_once_whatever_declares_it(self):
        self.assertEqual(names("class a;", "class a {};", "void f(int);", "void f(long);"), ["a", "f"])

    def test_what_comments_literals_and_directives_say_is_not_read(self):
        self.assertEqual(names("// struct a {};", "/* struct b {}; */", "#define C struct c {", "#if X // {",
                               "struct d {};", "#endif", 'inline constexpr auto e = R"(}; struct f {};)";'), ["d", "e"])

    def test_a_declaration_that_is_not_understood_is_refused(self):
        for declaration in ("using namespace std;", "using std::swap;", "what;", "struct a {}"):
            with self.assertRaisesRegex(generate.Refused, "weir/base/one.hpp", msg=declaration):
                names(declaration)


class Spaces(unittest.TestCase):
    def test_namespaces_nest_and_detail_is_nobodys(self):
        self.assertEqual(exported("namespace weir {\nstruct a {};\nnamespace detail {\nstruct b {};\n}\n}\n"
                                  "namespace weir::net {\nstruct c {};\n}\n"
                                  "namespace weir::net::detail {\nstruct d {};\n}\n"
                                  "namespace other {\nstruct e {};\n}\ntemplate <>\nstruct std::hash<weir::a> {};\n"),
                         ["weir::a", "weir::net::c"])

    def test_an_inline_namespace_is_no_part_of_a_name(self):
        self.assertEqual(exported("namespace weir::inline v0 {\nstruct a {};\n}\n"
                                  "namespace weir::inline v0::net {\nstruct b {};\n}\n"
                                  "namespace weir {\ninline namespace v1 {\nstruct c {};\n}\n}\n"),
                         ["weir::a", "weir::c", "weir::net::b"])

    def test_only_what_an_umbrella_includes_is_public(self):
        self.assertEqual(exported("#include <weir/base/hidden.hpp>\nnamespace weir {\nstruct a {};\n}\n"), ["weir::a"])

    def test_a_condition_of_the_umbrella_is_one_of_the_module(self):
        text = module_of("namespace weir {\nstruct a {};\n}\n",
                         umbrella="#if __has_include(<x.h>) || \\\n    1\n#include <weir/base/one.hpp>\n#endif\n")
        self.assertIn("#if __has_include(<x.h>) || \\\n    1\nexport namespace weir {\nusing weir::a;\n"
                      "} // namespace weir\n#endif\n", text)


class Check(unittest.TestCase):
    def run_in(self, root, *arguments):
        script = Path(root) / "module" / "generate.py"
        script.parent.mkdir(exist_ok=True)
        script.write_bytes(Path(generate.__file__).read_bytes())
        return subprocess.run([sys.executable, "-B", script, *arguments], capture_output=True, text=True, check=False)

    def test_what_was_just_generated_passes_and_a_new_name_does_not(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, "namespace weir {\nstruct a {};\n}\n")
            self.assertNotEqual(self.run_in(root, "--check").returncode, 0)
            self.assertEqual(self.run_in(root).returncode, 0)
            self.assertEqual(self.run_in(root, "--check").returncode, 0)
            write(root, "namespace weir {\nstruct a {};\nstruct b {};\n}\n")
            self.assertIn("weir.cppm is not what the headers say", self.run_in(root, "--check").stderr)
            # --check wrote nothing.
            self.assertNotEqual(self.run_in(root, "--check").returncode, 0)


if __name__ == "__main__":
    unittest.main()
