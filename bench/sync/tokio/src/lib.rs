// bench/sync/tokio/src/lib.rs: Tokio's Mutex, Semaphore and Notify between tasks of its runtime, as C sees them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, Notify, Semaphore};

#[no_mangle]
pub extern "C" fn tokio_new(workers: usize) -> *mut Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(workers).build();
    Box::into_raw(Box::new(runtime.expect("a runtime")))
}

/// # Safety
/// `runtime` comes from `tokio_new` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn tokio_delete(runtime: *mut Runtime) {
    drop(Box::from_raw(runtime));
}

/// Does `times` operations with the mutex (0), the semaphore (1) or the event (2), by `tasks` tasks, and writes what they
/// counted. Returns the nanoseconds that this took.
/// # Safety
/// `runtime` comes from `tokio_new`, and `sum` may be written.
#[no_mangle]
pub unsafe extern "C" fn tokio_run(runtime: *const Runtime, what: usize, tasks: usize, times: u64, sum: *mut u64) -> f64 {
    let runtime = &*runtime;
    let count = times / tasks as u64;
    let all = runtime.spawn(async move {
        let start = Instant::now();
        let sum = match what {
            0 => mutex(tasks, count).await,
            1 => semaphore(tasks, count).await,
            _ => event(tasks, count).await,
        };
        (start.elapsed().as_nanos() as f64, sum)
    });
    let (took, counted) = runtime.block_on(all).expect("the task");
    *sum = counted;
    took
}

async fn mutex(tasks: usize, count: u64) -> u64 {
    let number = Arc::new(Mutex::new(0u64));
    let mut all = Vec::new();
    for _ in 0..tasks {
        let number = number.clone();
        all.push(tokio::spawn(async move {
            for _ in 0..count {
                *number.lock().await += 1;
            }
        }));
    }
    for one in all {
        one.await.expect("a task");
    }
    let sum = *number.lock().await;
    sum
}

async fn semaphore(tasks: usize, count: u64) -> u64 {
    let permits = Arc::new(Semaphore::new(1));
    let number = Arc::new(AtomicU64::new(0));
    let mut all = Vec::new();
    for _ in 0..tasks {
        let (permits, number) = (permits.clone(), number.clone());
        all.push(tokio::spawn(async move {
            for _ in 0..count {
                let _permit = permits.acquire().await.expect("an open semaphore");
                number.store(number.load(Relaxed) + 1, Relaxed); // who has the permit is alone
            }
        }));
    }
    for one in all {
        one.await.expect("a task");
    }
    number.load(Relaxed)
}

async fn event(tasks: usize, count: u64) -> u64 {
    let flags = Arc::new([Notify::new(), Notify::new()]);
    let number = Arc::new(AtomicU64::new(0));
    let mut all = Vec::new();
    for me in 0..tasks {
        let (flags, number) = (flags.clone(), number.clone());
        all.push(tokio::spawn(async move {
            let (mine, others) = (&flags[me], &flags[(me + 1) % tasks]);
            for _ in 0..count {
                if me == 0 {
                    others.notify_one();
                }
                mine.notified().await;
                number.store(number.load(Relaxed) + 1, Relaxed); // the other waits
                if me == 1 {
                    others.notify_one();
                }
            }
        }));
    }
    for one in all {
        one.await.expect("a task");
    }
    number.load(Relaxed)
}
