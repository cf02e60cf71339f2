// bench/forkjoin/tokio/src/lib.rs: problems that divide themselves into tasks of Tokio, as C sees them.
// All parts but the last are spawned, each a task of its own; the last is awaited in place, in a box, because a future
// cannot contain itself.

use std::future::Future;
use std::pin::Pin;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

const SKYNET_PARTS: u64 = 10;
const MATRIX_SIDE: usize = 512;
const BLOCK_SIDE: usize = 32;

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

/// Solves fib (0), skynet (1) or queens (2) of the size `many`.
/// # Safety
/// `runtime` comes from `tokio_new`.
#[no_mangle]
pub unsafe extern "C" fn tokio_solve(runtime: *const Runtime, what: usize, many: u64) -> u64 {
    let runtime = &*runtime;
    let all = match what {
        0 => runtime.spawn(fib(many)),
        1 => runtime.spawn(skynet(0, many)),
        _ => runtime.spawn(place(Board::new(many as usize))),
    };
    runtime.block_on(all).expect("the answer")
}

/// # Safety
/// `runtime` comes from `tokio_new`, and nobody else uses what `whole` points to.
#[no_mangle]
pub unsafe extern "C" fn tokio_multiply(runtime: *const Runtime, whole: *const Product) {
    let runtime = &*runtime;
    runtime.block_on(runtime.spawn(multiply(*whole))).expect("the product");
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

async fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let left = spawn_fib(n - 1);
    fib_here(n - 2).await + left.await.expect("a part")
}

fn spawn_fib(n: u64) -> JoinHandle<u64> {
    tokio::spawn(fib(n))
}

fn fib_here(n: u64) -> Boxed<u64> {
    Box::pin(fib(n))
}

async fn skynet(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let each = leaves / SKYNET_PARTS;
    let parts: [_; SKYNET_PARTS as usize - 1] =
        std::array::from_fn(|n| spawn_skynet(first + n as u64 * each, each));
    let mut sum = skynet_here(first + (SKYNET_PARTS - 1) * each, each).await;
    for part in parts {
        sum += part.await.expect("a part");
    }
    sum
}

fn spawn_skynet(first: u64, leaves: u64) -> JoinHandle<u64> {
    tokio::spawn(skynet(first, leaves))
}

fn skynet_here(first: u64, leaves: u64) -> Boxed<u64> {
    Box::pin(skynet(first, leaves))
}

/// A board with a queen in each of its first rows.
#[derive(Clone, Copy)]
struct Board {
    columns: [u8; 16],
    rows: usize,
    side: usize,
}

impl Board {
    fn new(side: usize) -> Self {
        Board { columns: [0; 16], rows: 0, side }
    }

    fn admits(&self, column: usize) -> bool {
        (0..self.rows).all(|row| {
            let other = self.columns[row] as usize;
            let apart = self.rows - row;
            other != column && other + apart != column && other != column + apart
        })
    }

    fn with(mut self, column: usize) -> Self {
        self.columns[self.rows] = column as u8;
        self.rows += 1;
        self
    }
}

async fn place(now: Board) -> u64 {
    if now.rows == now.side {
        return 1;
    }
    let mut parts = Vec::with_capacity(now.side);
    let mut last = None;
    for column in (0..now.side).filter(|&column| now.admits(column)) {
        if let Some(earlier) = last.replace(column) {
            parts.push(spawn_place(now.with(earlier)));
        }
    }
    let Some(last) = last else { return 0 };
    let mut sum = place_here(now.with(last)).await;
    for part in parts {
        sum += part.await.expect("a part");
    }
    sum
}

fn spawn_place(now: Board) -> JoinHandle<u64> {
    tokio::spawn(place(now))
}

fn place_here(now: Board) -> Boxed<u64> {
    Box::pin(place(now))
}

/// c += a × b, of squares within larger matrices, as contenders/problem.hpp has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Product {
    a: *const u32,
    b: *const u32,
    c: *mut u32,
    side: usize,
}

// Those that are under way at once write to different quarters.
unsafe impl Send for Product {}

extern "C" {
    fn multiply_block(block: *const Product);
}

impl Product {
    fn part(self, i: usize, j: usize, k: usize) -> Self {
        let half = self.side / 2;
        // Safe: the quarters lie within the square.
        unsafe {
            Product {
                a: self.a.add((i * MATRIX_SIDE + k) * half),
                b: self.b.add((k * MATRIX_SIDE + j) * half),
                c: self.c.add((i * MATRIX_SIDE + j) * half),
                side: half,
            }
        }
    }
}

async fn multiply(whole: Product) {
    if whole.side == BLOCK_SIDE {
        // Safe: nobody else writes to this block of c.
        unsafe { multiply_block(&whole) };
        return;
    }
    for k in 0..2 {
        let parts = [(0, 0), (0, 1), (1, 0)].map(|(i, j)| spawn_multiply(whole.part(i, j, k)));
        multiply_here(whole.part(1, 1, k)).await;
        for part in parts {
            part.await.expect("a part");
        }
    }
}

fn spawn_multiply(whole: Product) -> JoinHandle<()> {
    tokio::spawn(multiply(whole))
}

fn multiply_here(whole: Product) -> Boxed<()> {
    Box::pin(multiply(whole))
}
