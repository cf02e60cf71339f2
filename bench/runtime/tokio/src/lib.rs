// bench/runtime/tokio/src/lib.rs: Tokio's scheduler as C sees it: waking, stealing, blocking.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

#[no_mangle]
pub extern "C" fn tokio_new(workers: usize) -> *mut Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    Box::into_raw(Box::new(runtime.expect("a runtime")))
}

/// # Safety
/// `runtime` comes from `tokio_new` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn tokio_delete(runtime: *mut Runtime) {
    drop(Box::from_raw(runtime));
}

/// Hands a task to the runtime from outside and waits for its answer.
/// # Safety
/// Here and below: runtimes come from `tokio_new`.
#[no_mangle]
pub unsafe extern "C" fn tokio_wake(runtime: *const Runtime, times: u64) -> u64 {
    let runtime = &*runtime;
    let mut sum = 0;
    for _ in 0..times {
        sum += runtime.block_on(runtime.spawn(async { 1 })).expect("the task");
    }
    sum
}

/// Two tasks, each of a runtime of its own, or both of one, pass a number to and fro.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_pass(one: *const Runtime, other: *const Runtime, times: u64) -> u64 {
    let (to_other, mut at_other) = mpsc::channel::<u64>(1);
    let (to_one, mut at_one) = mpsc::channel::<u64>(1);
    let returning = (*other).spawn(async move {
        while let Some(value) = at_other.recv().await {
            to_one.send(value + 1).await.expect("the other task");
        }
    });
    let serving = (*one).spawn(async move {
        let mut value = 0;
        for _ in 0..times {
            to_other.send(value).await.expect("the other task");
            value = at_one.recv().await.expect("the other task");
        }
        value
    });
    let value = (*one).block_on(serving).expect("the task");
    (*other).block_on(returning).expect("the task");
    value
}

/// A task makes two others ready and keeps its worker until one of them has begun elsewhere. Writes how many have.
/// Returns the nanoseconds between, of all times together.
/// # Safety
/// As above, and `sum` may be written.
#[no_mangle]
pub unsafe extern "C" fn tokio_steal(runtime: *const Runtime, times: u64, sum: *mut u64) -> f64 {
    let runtime = &*runtime;
    let steals = runtime.spawn(async move {
        let (mut took, mut begun) = (0.0, 0);
        for _ in 0..times {
            let stolen = Arc::new(AtomicU64::new(0));
            let start = Instant::now();
            let both: Vec<_> = (0..2)
                .map(|_| {
                    let stolen = stolen.clone();
                    tokio::spawn(async move {
                        stolen.fetch_add(1, Ordering::Release);
                    })
                })
                .collect();
            while stolen.load(Ordering::Acquire) == 0 {
                std::hint::spin_loop();
            }
            took += start.elapsed().as_nanos() as f64;
            begun += 1;
            for one in both {
                one.await.expect("a task");
            }
            // The other worker shall have gone to sleep.
            let rest = Instant::now();
            while rest.elapsed().as_micros() < 200 {
                std::hint::spin_loop();
            }
        }
        (took, begun)
    });
    let (took, begun) = runtime.block_on(steals).expect("the task");
    *sum = begun;
    took
}

/// Calls a function on a thread that may be blocked, `at_once` of them under way.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_blocking(runtime: *const Runtime, times: u64, at_once: usize) -> u64 {
    let runtime = &*runtime;
    let calls = runtime.spawn(async move {
        let left = Arc::new(AtomicUsize::new(times as usize));
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let left = left.clone();
                tokio::spawn(async move {
                    let mut sum = 0;
                    while take(&left) {
                        sum += tokio::task::spawn_blocking(|| 1).await.expect("the call");
                    }
                    sum
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("a task");
        }
        sum
    });
    runtime.block_on(calls).expect("the task")
}

fn take(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() // a tally
}
