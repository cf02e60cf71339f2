// bench/tasks/tokio/src/lib.rs: tasks of Tokio, and futures within one, as C sees them.

use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

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

// Futures that the compiler cannot see into, in a frame of their own as a coroutine has it; what it sees into it would
// merge into the one that awaits.
type Boxed = Pin<Box<dyn Future<Output = u64> + Send>>;

#[inline(never)]
fn one(value: u64) -> Boxed {
    Box::pin(async move { value })
}

/// Makes a future and awaits it.
/// # Safety
/// Here and below: `runtime` comes from `tokio_new`.
#[no_mangle]
pub unsafe extern "C" fn tokio_await(runtime: *const Runtime, times: u64) -> u64 {
    run(&*runtime, async move {
        let mut sum = 0;
        for _ in 0..times {
            sum += one(1).await;
        }
        sum
    })
}

/// Polls, without a scheduler, a future that waits again and again.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_resume(runtime: *const Runtime, times: u64) -> u64 {
    run(&*runtime, async move {
        let mut waits = waits(times);
        poll_fn(move |context| loop {
            if let Poll::Ready(sum) = waits.as_mut().poll(context) {
                return Poll::Ready(sum);
            }
        })
        .await
    })
}

#[inline(never)]
fn waits(times: u64) -> Boxed {
    Box::pin(async move {
        let mut sum = 0;
        for _ in 0..times {
            Pause { over: false }.await;
            sum += 1;
        }
        sum
    })
}

/// Not ready until it is polled again.
struct Pause {
    over: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.over, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_yield(runtime: *const Runtime, times: u64) -> u64 {
    run(&*runtime, async move {
        let mut sum = 0;
        for _ in 0..times {
            tokio::task::yield_now().await;
            sum += 1;
        }
        sum
    })
}

/// Spawns tasks into a set, `at_once` of them, and receives what they give.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_when_all(runtime: *const Runtime, times: u64, at_once: u64) -> u64 {
    run(&*runtime, async move {
        let (mut sum, mut left) = (0, times);
        while left > 0 {
            let mut all = JoinSet::new();
            for _ in 0..left.min(at_once) {
                all.spawn(async { 1 });
            }
            left -= all.len() as u64;
            sum += all.join_all().await.into_iter().sum::<u64>();
        }
        sum
    })
}

/// Spawns tasks, `at_once` of them, and waits for each.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn tokio_join(runtime: *const Runtime, times: u64, at_once: u64) -> u64 {
    run(&*runtime, async move {
        let sum = Arc::new(AtomicU64::new(0));
        let mut left = times;
        let mut all = Vec::with_capacity(at_once as usize);
        while left > 0 {
            for _ in 0..left.min(at_once) {
                let sum = sum.clone();
                all.push(tokio::spawn(async move {
                    sum.fetch_add(1, Relaxed); // a tally
                }));
            }
            left -= all.len() as u64;
            for one in all.drain(..) {
                one.await.expect("a task");
            }
        }
        sum.load(Relaxed)
    })
}

fn run(runtime: &Runtime, work: impl Future<Output = u64> + Send + 'static) -> u64 {
    runtime.block_on(runtime.spawn(work)).expect("the task")
}
