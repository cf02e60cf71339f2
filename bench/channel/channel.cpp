// bench/channel/channel.cpp: numbers between tasks, through channels with a bound and without.

#include "contenders/asio.hpp"
#include "contenders/go.hpp"
#include "contenders/tokio.hpp"
#include "contenders/weir.hpp"

#include <harness/measure.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace {

using namespace bench;
using weir_channel = weir_contender<weir_bounded>;

// An operation is an item's way through the channel.
auto through(shape how) {
    return [how]<class Contender> {
        return [contender = std::make_shared<Contender>(how)](std::uint64_t times) { return contender->transfer(times); };
    };
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    for (unsigned const workers : {1u, 2u}) {
        std::string const where = workers == 1 ? ", 1 worker" : ", 2 workers";
        shape const one_to_one{workers, 1, false};
        measure<weir_channel, tokio_bounded_mpsc, go_channel, asio_channel>(("1:1" + where).c_str(), chosen,
                                                                            through(one_to_one));
        measure<weir_channel, go_channel>(("2:2" + where).c_str(), chosen, through({workers, 2, false}));
        measure<weir_channel, tokio_bounded_mpsc>(("recv_many" + where).c_str(), chosen, through({workers, 1, true}));
        measure<weir_contender<weir_unbounded>, tokio_unbounded_mpsc>(("unbounded 1:1" + where).c_str(), chosen,
                                                                      through(one_to_one));
    }
}
