// weir/metrics.hpp: what a server counts and measures, and how Prometheus reads it.
// Unless a comment says otherwise, metrics are used from any threads at once and never wait.
#pragma once

#include <weir/metrics/counter.hpp>      // counter, gauge, gauge_guard
#include <weir/metrics/distribution.hpp> // distribution: counts, quantiles, sums of one thread
#include <weir/metrics/histogram.hpp>    // histogram: a distribution that many threads record
#include <weir/metrics/metrics_errc.hpp> // metrics_errc: why a registry refuses
#include <weir/metrics/registry.hpp>     // registry, registration, metric
#include <weir/metrics/metric_set.hpp>   // metric_set: metrics that enter together, under the same labels
