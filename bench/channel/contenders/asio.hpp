// bench/channel/contenders/asio.hpp: Boost.Asio's experimental channel, which came with Boost 1.78; Debian 12 has 1.74.
#pragma once

namespace bench {

struct asio_channel {
    static constexpr auto name = "Asio channel";
    static constexpr auto absent = "the packaged Boost, 1.74, has none";
};

} // namespace bench
