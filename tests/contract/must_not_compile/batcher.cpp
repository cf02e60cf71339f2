// tests/contract/must_not_compile/batcher.cpp: requests that g++ 12 breaks where braces build them in an await expression.
#include <weir/flow/batcher.hpp>

#include <string>
#include <utility>

using namespace weir;

struct written {
    written(std::string of, int many) : text{std::move(of)}, copies{many} {}
    std::string text;
    int copies;
};

struct loose {
    std::string text;
    int copies;
};

task<> sends(batcher<written, void>& to) { static_cast<void>(co_await to.submit(written{"a", 1})); }

#ifdef submits_an_aggregate // before 13 says: give the type of the request a constructor
using request = loose; // trap on purpose
#else
using request = written;
#endif

task<> sends_another(batcher<request, void>& to) { static_cast<void>(co_await to.submit(request{"a", 1})); }
