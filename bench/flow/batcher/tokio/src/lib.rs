// bench/flow/batcher/tokio: tasks that send a request with a oneshot through an mpsc channel to a task that takes what
// there is, up to 256 at a time, and answers each.

use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

#[no_mangle]
pub extern "C" fn batcher_new(workers: usize) -> *mut Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(workers).build();
    Box::into_raw(Box::new(runtime.expect("a runtime")))
}

/// # Safety
/// `runtime` comes from `batcher_new` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn batcher_delete(runtime: *mut Runtime) {
    drop(Box::from_raw(runtime));
}

/// Asks `times` times by `tasks` tasks, and writes what the answers add up to. Returns the nanoseconds that this took.
/// # Safety
/// `runtime` comes from `batcher_new`, and `sum` may be written.
#[no_mangle]
pub unsafe extern "C" fn batcher_run(runtime: *const Runtime, tasks: usize, times: u64, sum: *mut u64) -> f64 {
    let runtime = &*runtime;
    let count = times / tasks as u64;
    let all = runtime.spawn(async move {
        let start = Instant::now();
        let sum = ask(tasks, count).await;
        (start.elapsed().as_nanos() as f64, sum)
    });
    let (took, counted) = runtime.block_on(all).expect("the task");
    *sum = counted;
    took
}

async fn ask(tasks: usize, count: u64) -> u64 {
    let (to, mut requests) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(1024);
    let batching = tokio::spawn(async move {
        let mut batch = Vec::with_capacity(256);
        while requests.recv_many(&mut batch, 256).await != 0 {
            for (number, answer) in batch.drain(..) {
                let _ = answer.send(2 * number);
            }
        }
    });
    let mut all = Vec::new();
    for _ in 0..tasks {
        let to = to.clone();
        all.push(tokio::spawn(async move {
            let mut sum = 0u64;
            for number in 0..count {
                let (answer, answered) = oneshot::channel();
                to.send((number, answer)).await.expect("a batching task");
                sum += answered.await.expect("an answer");
            }
            sum
        }));
    }
    drop(to);
    let mut sum = 0;
    for one in all {
        sum += one.await.expect("a task");
    }
    batching.await.expect("the batching task");
    sum
}
