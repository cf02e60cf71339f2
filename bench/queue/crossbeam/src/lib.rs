// bench/queue/crossbeam/src/lib.rs: crossbeam's ArrayQueue of 64-bit integers as C sees it.

use crossbeam_queue::ArrayQueue;

type Queue = ArrayQueue<u64>;

#[no_mangle]
pub extern "C" fn crossbeam_new(capacity: usize) -> *mut Queue {
    Box::into_raw(Box::new(Queue::new(capacity)))
}

/// # Safety
/// `queue` comes from `crossbeam_new` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn crossbeam_delete(queue: *mut Queue) {
    drop(Box::from_raw(queue));
}

/// # Safety
/// `queue` comes from `crossbeam_new`.
#[no_mangle]
pub unsafe extern "C" fn crossbeam_push(queue: *const Queue, value: u64) -> bool {
    (*queue).push(value).is_ok()
}

/// # Safety
/// `queue` comes from `crossbeam_new`, and `value` may be written.
#[no_mangle]
pub unsafe extern "C" fn crossbeam_pop(queue: *const Queue, value: *mut u64) -> bool {
    match (*queue).pop() {
        Some(found) => {
            *value = found;
            true
        }
        None => false,
    }
}
