"""packaging/conan-center/conanfile.py: weir as a Conan package, made of a release: the form of Conan Center."""

from os.path import join

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, get
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class WeirConan(ConanFile):
    name = "weir"
    description = "Coroutine concurrency for servers: coalescers, batchers, and all that they need to be fast"
    license = "BSL-1.0"
    url = "https://github.com/conan-io/conan-center-index"
    topics = ("coroutines", "concurrency", "io-uring", "lock-free", "single-flight", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_xsimd": [True, False]}
    default_options = {"with_xsimd": False}
    no_copy_source = True

    def layout(self):
        basic_layout(self, src_folder="src")

    def requirements(self):
        self.requires("concurrentqueue/1.0.5")
        if self.options.with_xsimd:
            self.requires("xsimd/14.0.0")

    # One package serves all: what it uses is found when it is included.
    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration(f"{self.ref} needs Linux; elsewhere use single_include/weir/weir_core.hpp.")

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def build(self):
        pass

    def package(self):
        copy(self, "LICENSE", self.source_folder, join(self.package_folder, "licenses"))
        copy(self, "*.hpp", join(self.source_folder, "include"), join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "weir")
        self.cpp_info.set_property("cmake_target_name", "weir::weir")
        self.cpp_info.set_property("pkg_config_name", "weir")
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.system_libs = ["pthread"]
