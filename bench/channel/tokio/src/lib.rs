// bench/channel/tokio/src/lib.rs: Tokio's mpsc channels between tasks of its runtime, as C sees them.

use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

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

/// Sends 1 to `times` through a channel with `room`, receives up to `most` at a time, and writes what they add up to.
/// Returns the nanoseconds that this took.
/// # Safety
/// `runtime` comes from `tokio_new`, and `sum` may be written.
#[no_mangle]
pub unsafe extern "C" fn tokio_bounded(
    runtime: *const Runtime,
    room: usize,
    most: usize,
    times: u64,
    sum: *mut u64,
) -> f64 {
    measure(&*runtime, sum, async move {
        let (to, mut from) = mpsc::channel::<u64>(room);
        let sender = tokio::spawn(async move {
            for value in 1..=times {
                to.send(value).await.expect("a receiver");
            }
        });
        let receiver = tokio::spawn(async move {
            let mut sum = 0;
            if most == 1 {
                while let Some(value) = from.recv().await {
                    sum += value;
                }
                return sum;
            }
            let mut some = Vec::with_capacity(most);
            while from.recv_many(&mut some, most).await > 0 {
                sum += some.drain(..).sum::<u64>();
            }
            sum
        });
        sender.await.expect("a sender");
        receiver.await.expect("a receiver")
    })
}

/// The same without a bound, one at a time.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_unbounded(runtime: *const Runtime, times: u64, sum: *mut u64) -> f64 {
    measure(&*runtime, sum, async move {
        let (to, mut from) = mpsc::unbounded_channel::<u64>();
        let sender = tokio::spawn(async move {
            for value in 1..=times {
                to.send(value).expect("a receiver");
                if value % 256 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
        let receiver = tokio::spawn(async move {
            let mut sum = 0;
            while let Some(value) = from.recv().await {
                sum += value;
            }
            sum
        });
        sender.await.expect("a sender");
        receiver.await.expect("a receiver")
    })
}

unsafe fn measure<F>(runtime: &Runtime, sum: *mut u64, work: F) -> f64
where
    F: std::future::Future<Output = u64> + Send + 'static,
{
    let all = runtime.spawn(async move {
        let start = Instant::now();
        let sum = work.await;
        (start.elapsed().as_nanos() as f64, sum)
    });
    let (took, received) = runtime.block_on(all).expect("the task");
    *sum = received;
    took
}
