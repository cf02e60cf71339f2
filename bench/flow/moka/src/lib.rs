// bench/flow/moka/src/lib.rs: moka's `get_with`, of its cache for tasks and of that for threads, as C sees them.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// Mixes as weir does, so that the caches are compared and not their hashes.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers")
    }
    fn write_u64(&mut self, key: u64) {
        let mut hash = (key ^ (key >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d049bb133111eb);
        self.0 = hash ^ (hash >> 31);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

type Hash = BuildHasherDefault<Mix>;
type TaskCache = moka::future::Cache<u64, Arc<u64>, Hash>;
type ThreadCache = moka::sync::Cache<u64, Arc<u64>, Hash>;

pub struct Moka {
    runtime: Runtime,
    tasks: TaskCache,
    threads: ThreadCache,
    loads: Arc<AtomicU64>,
    fresh: AtomicU64,
}

#[repr(C)]
pub struct Done {
    took: f64,
    sum: u64,
    loads: u64,
}

#[no_mangle]
pub extern "C" fn moka_new(workers: usize, capacity: u64) -> *mut Moka {
    let runtime = Builder::new_multi_thread().worker_threads(workers).build().expect("a runtime");
    Box::into_raw(Box::new(Moka {
        runtime,
        tasks: moka::future::Cache::builder().max_capacity(capacity).build_with_hasher(Hash::default()),
        threads: moka::sync::Cache::builder().max_capacity(capacity).build_with_hasher(Hash::default()),
        loads: Arc::new(AtomicU64::new(0)),
        fresh: AtomicU64::new(0),
    }))
}

/// # Safety
/// `it` comes from `moka_new` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn moka_delete(it: *mut Moka) {
    drop(Box::from_raw(it));
}

/// One task on a worker for each of the traces asks for the next `times` keys of its own, the trace beginning again where
/// it ends.
/// # Safety
/// `it` comes from `moka_new`; each of `traces` has `length` keys.
#[no_mangle]
pub unsafe extern "C" fn moka_tasks_walk(
    it: *const Moka, traces: *const *const u64, count: usize, length: usize, from: u64, times: u64,
) -> Done {
    let it = &*it;
    let before = it.loads.load(Relaxed);
    let walks: Vec<&'static [u64]> =
        (0..count).map(|n| std::slice::from_raw_parts(*traces.add(n), length)).collect();
    let (tasks, loads) = (it.tasks.clone(), it.loads.clone());
    let all = it.runtime.spawn(async move {
        let start = Instant::now();
        let mut running = Vec::new();
        for keys in walks {
            let (tasks, loads) = (tasks.clone(), loads.clone());
            running.push(tokio::spawn(async move {
                let mut sum = 0u64;
                for n in from..from + times {
                    let key = keys[n as usize % keys.len()];
                    let got = tasks
                        .get_with(key, async {
                            loads.fetch_add(1, Relaxed);
                            Arc::new(key + 1)
                        })
                        .await;
                    sum = sum.wrapping_add(*got);
                }
                sum
            }));
        }
        let mut sum = 0u64;
        for one in running {
            sum = sum.wrapping_add(one.await.expect("a task"));
        }
        (start.elapsed().as_nanos() as f64, sum)
    });
    let (took, sum) = it.runtime.block_on(all).expect("the task");
    Done { took, sum, loads: it.loads.load(Relaxed) - before }
}

/// The same on the calling thread, with the cache for threads; who has several threads calls it on each.
/// # Safety
/// As above.
#[no_mangle]
pub unsafe extern "C" fn moka_thread_walks(
    it: *const Moka, keys: *const u64, length: usize, from: u64, times: u64,
) -> Done {
    let it = &*it;
    let keys = std::slice::from_raw_parts(keys, length);
    let mut loads = 0u64;
    let mut sum = 0u64;
    let start = Instant::now();
    for n in from..from + times {
        let key = keys[n as usize % length];
        let got = it.threads.get_with(key, || {
            loads += 1;
            Arc::new(key + 1)
        });
        sum = sum.wrapping_add(*got);
    }
    Done { took: start.elapsed().as_nanos() as f64, sum, loads }
}

/// So many tasks ask for a key that is new each time, and whose load ends when all have asked.
/// # Safety
/// `it` comes from `moka_new`.
#[no_mangle]
pub unsafe extern "C" fn moka_tasks_crowd(it: *const Moka, crowd: u64, times: u64) -> Done {
    let it = &*it;
    let before = it.loads.load(Relaxed);
    let first = it.fresh.fetch_add(times, Relaxed);
    let (tasks, loads) = (it.tasks.clone(), it.loads.clone());
    let all = it.runtime.spawn(async move {
        let start = Instant::now();
        let mut sum = 0u64;
        for key in first..first + times {
            let all_asked = Arc::new(Notify::new());
            let asked = Arc::new(AtomicU64::new(0));
            let mut running = Vec::with_capacity(crowd as usize);
            for _ in 0..crowd {
                let (tasks, loads) = (tasks.clone(), loads.clone());
                let (all_asked, asked) = (all_asked.clone(), asked.clone());
                running.push(tokio::spawn(async move {
                    if asked.fetch_add(1, Relaxed) + 1 == crowd {
                        all_asked.notify_one();
                    }
                    let got = tasks
                        .get_with(key, async {
                            loads.fetch_add(1, Relaxed);
                            all_asked.notified().await;
                            Arc::new(1)
                        })
                        .await;
                    *got
                }));
            }
            for one in running {
                sum += one.await.expect("a task");
            }
            tasks.invalidate(&key).await;
        }
        (start.elapsed().as_nanos() as f64, sum)
    });
    let (took, sum) = it.runtime.block_on(all).expect("the task");
    Done { took, sum, loads: it.loads.load(Relaxed) - before }
}
